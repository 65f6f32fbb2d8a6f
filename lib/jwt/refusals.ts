import { OAuthError } from '../oauth/errors.ts'
import type { RefusalReason } from '../oauth/outcomes.ts'

/** One sentence for every reason: a forger learns nothing, the reason is on the metric and the span. */
export function refuse(reason: RefusalReason, clientId?: string, cause?: unknown): OAuthError {
  return new OAuthError('invalid_token', 'The access token is not valid.', { facts: { reason, clientId }, cause })
}

/** fast-jwt's error codes. The first group is raised before the signature is known to be good, the second after. */
const BEFORE_SIGNATURE = new Map<unknown, RefusalReason>([
  ['FAST_JWT_MALFORMED', 'malformed'],
  ['FAST_JWT_INVALID_PAYLOAD', 'malformed'],
  ['FAST_JWT_INVALID_ALGORITHM', 'unsupported_algorithm'],
  ['FAST_JWT_MISSING_SIGNATURE', 'bad_signature'],
  ['FAST_JWT_INVALID_SIGNATURE', 'bad_signature'],
  ['FAST_JWT_VERIFY_ERROR', 'bad_signature']
])

const AFTER_SIGNATURE = new Map<unknown, RefusalReason>([
  ['FAST_JWT_INVALID_CRIT_HEADER', 'unsupported_extension'],
  ['FAST_JWT_INVALID_TYPE', 'wrong_type'],
  ['FAST_JWT_MISSING_REQUIRED_CLAIM', 'missing_claim'],
  // The issuer is the one the key was chosen by, so the only value left to be wrong is the audience.
  ['FAST_JWT_INVALID_CLAIM_VALUE', 'wrong_audience'],
  ['FAST_JWT_INVALID_CLAIM_TYPE', 'invalid_claim']
])

/**
 * A refusal for whatever the engine threw; `clientId` is used only where the signature has been verified. An error that
 * is none of the engine's known ones is kept as the cause: it tells of a fault here, not of the token.
 */
export function refuseFor(error: Error & { code?: unknown }, clientId: string | undefined): OAuthError {
  const proven = AFTER_SIGNATURE.get(error.code)
  if (proven !== undefined) return refuse(proven, clientId)
  const unproven = BEFORE_SIGNATURE.get(error.code)
  return unproven === undefined ? refuse('malformed', undefined, error) : refuse(unproven)
}
