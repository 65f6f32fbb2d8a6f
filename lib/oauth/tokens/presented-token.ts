import type { Kernel } from '../kernel.ts'
import type { StoredToken } from './token.ts'
import { refreshTokenId } from './token-id.ts'

/**
 * The stored record of a presented token, whichever type it is. A token_type_hint is not needed: it may be wrong (RFC
 * 7009 section 2.1), and the token itself tells.
 */
export async function recognise({ verifier, store }: Kernel, token: string): Promise<StoredToken | undefined> {
  const jti = (await verifier.recognise(token))?.claims.jti
  const found = await store.find(jti ?? refreshTokenId(token))
  return found?.type === (jti === undefined ? 'refresh' : 'access') ? found : undefined
}
