import type { IdentifiedClient } from '../authenticate.ts'
import { asOAuthError, OAuthError } from '../errors.ts'
import { answeredAgain } from '../grace.ts'
import type { Kernel } from '../kernel.ts'
import type { Refreshed, RefusalFacts, RefusalReason, ReuseOutcome, Revocation, TokenGrant } from '../outcomes.ts'
import { sealReceipt } from '../receipts.ts'
import { type Narrowing, narrowed } from '../terms.ts'
import type { StoredToken } from '../token.ts'
import { refreshTokenId } from '../token-id.ts'
import type { Authorization, RefreshableGrant } from './issue.ts'
import type { ReuseRevocation } from './revoke-all.ts'

/** A request to refresh (RFC 6749 section 6), by a client that may use the grant. */
export interface RefreshRequest extends Narrowing {
  readonly refreshToken: string
  readonly by: IdentifiedClient
  /** Trace context of the operation. */
  readonly trace?: string | undefined
}

/** The verbs a refresh uses: issuing and revoking inside it are operations of their own. */
interface VerbsWithin {
  issue(authorization: Authorization): Promise<TokenGrant>
  revokeAll(request: ReuseRevocation): Promise<Revocation>
}

/** One body for every way a refresh token can be no good: which one is nobody's business (RFC 6749 section 5.2). */
function refused(reason: RefusalReason, facts: RefusalFacts): OAuthError {
  return new OAuthError('invalid_grant', 'The refresh token is not valid.', { facts: { ...facts, reason } })
}

/**
 * Spends a refresh token for a new pair. Exactly one of any number of parallel requests succeeds; a token that has
 * been rotated away kills its user's (or its family's) tokens instead (RFC 9700 section 4.14.2).
 *
 * @param verbs the server as others see it
 */
export async function refresh(kernel: Kernel, verbs: VerbsWithin, request: RefreshRequest): Promise<Refreshed> {
  const { client } = request.by
  const token = await kernel.store.find(refreshTokenId(request.refreshToken))
  if (token === undefined || token.type !== 'refresh') throw refused('not_found', {})
  if (token.clientId !== client.id) throw refused('wrong_client', {})
  const facts: RefusalFacts = { token, clientId: client.id }

  if (kernel.now() >= token.expiresAt) throw refused('expired', facts)
  if (token.spent !== undefined) return reused(kernel, verbs, request, token, 'theft')
  if (token.revokedAt !== undefined) throw refused('revoked', facts)

  try {
    return await rotate(kernel, verbs, request, token)
  } catch (error) {
    if (error instanceof LostRace) return reusedOrDead(kernel, verbs, request, error.token)
    throw asOAuthError(error).withFacts(facts)
  }
}

/** Another request rotated or revoked the token between our look and our write. */
class LostRace extends OAuthError {
  readonly token: StoredToken | undefined

  constructor(token: StoredToken | undefined) {
    super('invalid_grant', 'The refresh token is not valid.')
    this.token = token
  }
}

async function rotate(
  kernel: Kernel,
  verbs: VerbsWithin,
  request: RefreshRequest,
  token: StoredToken
): Promise<Refreshed> {
  const terms = narrowed(request, token)
  const spend = async ({ access, refresh: successor, response }: RefreshableGrant) => {
    const rotation = await kernel.store.rotate(token.id, [access, successor], {
      at: access.issuedAt,
      successor: successor.id,
      trace: request.trace,
      receipt: kernel.rules.graceWindow > 0 ? sealReceipt({ response, ...terms }, request.refreshToken) : undefined
    })
    if (!rotation.won) throw new LostRace(rotation.token)
  }
  const { response } = await verbs.issue({
    clientId: token.clientId,
    subject: token.subject,
    ...terms,
    grantType: 'refresh_token',
    refresh: {
      scope: token.scope,
      audience: token.audience,
      family: { id: token.family, expiresAt: token.familyExpiresAt, rotate: spend }
    }
  })
  return { response, spent: token, reuse: undefined }
}

/** Why the token could not be rotated after all. */
function reusedOrDead(
  kernel: Kernel,
  verbs: VerbsWithin,
  request: RefreshRequest,
  token: StoredToken | undefined
): Promise<Refreshed> {
  if (token === undefined) throw refused('not_found', {})
  if (token.spent !== undefined) return reused(kernel, verbs, request, token, 'race_lost')
  throw refused(token.revokedAt === undefined ? 'expired' : 'revoked', { token, clientId: token.clientId })
}

/** A spent refresh token: answered again within a grace window, otherwise a theft whatever the cause. */
async function reused(
  kernel: Kernel,
  verbs: VerbsWithin,
  request: RefreshRequest,
  token: StoredToken,
  reuse: Exclude<ReuseOutcome, 'grace'>
): Promise<Refreshed> {
  const again = await answeredAgain(kernel, request, token)
  if (again !== undefined) return { response: again, spent: token, reuse: 'grace' }

  const facts: RefusalFacts = { token, clientId: token.clientId, reuse }
  const { subject, family } = token
  const victims = kernel.rules.reuse === 'user' && subject !== undefined ? { subject, reused: token } : { family }
  try {
    await verbs.revokeAll({ ...victims, reason: 'security_incident', by: 'reuse_detection' })
  } catch (error) {
    throw asOAuthError(error).withFacts(facts)
  }
  throw refused('reused', facts)
}
