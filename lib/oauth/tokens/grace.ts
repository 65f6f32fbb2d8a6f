import { isDeepStrictEqual } from 'node:util'
import type { Kernel } from '../kernel.ts'
import type { TokenResponse } from '../outcomes.ts'
import { openReceipt } from './receipts.ts'
import { accessSuccessor } from './succession.ts'
import { type Asked, narrowed, type Terms } from './terms.ts'
import { isLive, type StoredToken } from './token.ts'
import { tokenResponse } from './token-response.ts'

/**
 * The tokens the spent token was exchanged for, while the grace window lasts: for the same scope and resource, and only
 * from the immediate predecessor of a refresh token that is still live, and not without end. The access token is signed
 * anew.
 */
export async function answeredAgain(
  kernel: Kernel,
  request: Asked & { readonly refreshToken: string },
  token: StoredToken
): Promise<TokenResponse | undefined> {
  const { spent } = token
  const time = kernel.now()
  if (spent?.receipt === undefined || time >= spent.at + kernel.rules.graceWindow) return undefined
  const successor = await kernel.store.find(spent.successor)
  if (successor === undefined || !isLive(successor, time)) return undefined
  const receipt = openReceipt(spent.receipt, request.refreshToken)
  if (receipt === undefined) return undefined
  const { refreshToken, access } = receipt
  if (!asksFor(access.terms ?? token, request, token) || !kernel.graceAnswers.take(token.id)) return undefined
  return tokenResponse(kernel, { access: accessSuccessor(token, { ...spent, access }), refreshToken }, { at: time })
}

/** Whether a request asks for what has been granted; what may not be had has not. */
function asksFor({ scope, audience }: Terms, request: Asked, token: StoredToken): boolean {
  try {
    return isDeepStrictEqual({ scope, audience }, narrowed(request, token))
  } catch {
    return false
  }
}
