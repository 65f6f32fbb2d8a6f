import { isDeepStrictEqual } from 'node:util'
import type { Kernel } from './kernel.ts'
import type { TokenResponse } from './outcomes.ts'
import { openReceipt } from './receipts.ts'
import { type Narrowing, narrowed, type Terms } from './terms.ts'
import { isLive, type StoredToken } from './token.ts'

/**
 * The answer the spent token was given, while the grace window lasts: for the same scope and resource, and only from
 * the immediate predecessor of a refresh token that is still live.
 */
export async function answeredAgain(
  { rules, store, now }: Pick<Kernel, 'rules' | 'store' | 'now'>,
  request: Narrowing & { readonly refreshToken: string },
  token: StoredToken
): Promise<TokenResponse | undefined> {
  const { spent } = token
  const time = now()
  if (spent?.receipt === undefined || time >= spent.at + rules.graceWindow) return undefined
  const successor = await store.find(spent.successor)
  if (successor === undefined || !isLive(successor, time)) return undefined
  const { response, ...granted } = openReceipt(spent.receipt, request.refreshToken)
  if (!asksFor(granted, request, token)) return undefined
  return { ...response, expires_in: Math.max(0, response.expires_in - Math.floor(time - spent.at)) }
}

/** Whether a request asks for what has been granted; what may not be had has not. */
function asksFor(granted: Terms, request: Narrowing, token: StoredToken): boolean {
  try {
    return isDeepStrictEqual(granted, narrowed(request, token))
  } catch {
    return false
  }
}
