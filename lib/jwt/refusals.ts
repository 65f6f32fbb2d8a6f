import { OAuthError } from '../oauth/errors.ts'
import type { RefusalReason } from '../oauth/outcomes.ts'

/** One sentence for every reason: a forger learns nothing, the reason is on the metric and the span. */
export function refuse(reason: RefusalReason, clientId?: string): OAuthError {
  return new OAuthError('invalid_token', 'The access token is not valid.', { facts: { reason, clientId } })
}
