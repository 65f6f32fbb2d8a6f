import type { Kernel } from '../kernel.ts'
import type { Revocation } from '../outcomes.ts'
import { closedReason, type RevocationReason } from '../revocation-reasons.ts'
import { recognise } from '../tokens/presented-token.ts'
import type { StoredToken } from '../tokens/token.ts'

/** Who revokes what, and why. */
export interface RevokeRequest {
  /** The token itself, access or refresh; or, instead, `tokenId`. */
  readonly token?: string | undefined
  /** An access token's `jti`, for callers who do not have the token. */
  readonly tokenId?: string | undefined
  /**
   * Presence restricts it to tokens of this client. Others are left alone without a word, where RFC 7009 section 2.1 would
   * say so: it would tell that there is such a token.
   */
  readonly clientId?: string | undefined
  /** One of the revocation reasons; any other is recorded as `_OTHER`. */
  readonly reason: RevocationReason
  /** Who asked: `user`, `admin`, a client id. In events, spans and logs; never a metric's label. */
  readonly by: string
}

/** @throws TypeError unless exactly one of token and tokenId is a non-empty string */
function named(kernel: Kernel, { token, tokenId }: RevokeRequest): Promise<StoredToken | undefined> {
  const given = token ?? tokenId
  if (typeof given !== 'string' || given === '' || (token !== undefined && tokenId !== undefined)) {
    throw new TypeError('revoke needs exactly one of token and tokenId, a non-empty string')
  }
  return token === undefined ? kernel.store.find(given) : recognise(kernel, given)
}

/**
 * Revokes one token (RFC 7009). A refresh token takes its whole family with it; an access token goes alone, and its
 * refresh token stays. Unknown and dead tokens are no error: they are as revoked as they can be.
 */
export async function revoke(kernel: Kernel, request: RevokeRequest): Promise<Revocation> {
  const reason = closedReason(kernel, request.reason)
  const token = await named(kernel, request)
  if (token === undefined || (request.clientId !== undefined && token.clientId !== request.clientId)) {
    return { counts: [], reason, token: undefined }
  }
  const selector = token.type === 'refresh' ? { family: token.family } : { id: token.id }
  const counts = await kernel.store.revoke(selector, kernel.now(), reason)
  return { counts, reason, token }
}
