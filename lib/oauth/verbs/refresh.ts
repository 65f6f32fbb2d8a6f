import type { IdentifiedClient } from '../authenticate.ts'
import type { Attempt } from '../contests.ts'
import { asOAuthError, OAuthError } from '../errors.ts'
import { answeredAgain } from '../grace.ts'
import { REFRESH_TOKEN } from '../grants/grant-types.ts'
import type { Kernel } from '../kernel.ts'
import type {
  Refreshed,
  RefusalFacts,
  RefusalReason,
  ReuseOutcome,
  Revocation,
  TokenGrant,
  TokenResponse
} from '../outcomes.ts'
import { sealReceipt } from '../receipts.ts'
import { mayRotate, type Succession, successorsOf } from '../succession.ts'
import { type Narrowing, narrowed, narrows, type Terms } from '../terms.ts'
import type { StoredToken } from '../token.ts'
import { newRefreshToken, newTokenId, refreshTokenId } from '../token-id.ts'
import type { Authorization } from './issue.ts'
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
  const at = kernel.now()
  const id = refreshTokenId(request.refreshToken)
  const refreshToken = newRefreshToken(at, id)
  const successor = { id: refreshTokenId(refreshToken), refreshToken }
  const attempt = kernel.contests.enter(id, successor.id)
  try {
    return await rotate(kernel, verbs, { ...request, id, at, successor, attempt })
  } finally {
    attempt.end()
  }
}

/** A refresh token that is presented, and the one that replaces it if all is well. */
interface Presentation extends RefreshRequest {
  readonly id: string
  readonly at: number
  readonly successor: { readonly id: string; readonly refreshToken: string }
  readonly attempt: Attempt
}

/** Rotates without a look before, unless what is asked for depends on what the token has. */
async function rotate(kernel: Kernel, verbs: VerbsWithin, presented: Presentation): Promise<Refreshed> {
  const { id, at, successor, attempt } = presented
  const clientId = presented.by.client.id
  let terms: Terms | undefined
  if (narrows(presented)) {
    const found = await kernel.store.find(id)
    if (found === undefined || !mayRotate(found, clientId, at)) return notRotated(kernel, verbs, presented, found)
    terms = narrowedWithin(presented, found)
  }
  const succession = successionOf(kernel, presented, terms)
  const { won, token } = await kernel.store.rotate(id, clientId, succession)
  if (!won) return notRotated(kernel, verbs, presented, token)
  attempt.win()
  const response = await issued(verbs, token, succession, successor.refreshToken)
  return { response, spent: token, reuse: undefined }
}

function narrowedWithin(presented: Presentation, token: StoredToken): Terms {
  try {
    return narrowed(presented, token)
  } catch (error) {
    throw asOAuthError(error).withFacts({ token, clientId: token.clientId })
  }
}

/** What the token is to become. */
function successionOf({ rules }: Kernel, presented: Presentation, terms: Terms | undefined): Succession {
  const { id, at, trace, successor } = presented
  const second = Math.floor(at)
  const access = { id: newTokenId(at, id), expiresAt: second + rules.accessTokenTtl, terms }
  const receipt = { refreshToken: successor.refreshToken, access }
  return {
    at,
    trace,
    access,
    refresh: { id: successor.id, expiresAt: second + rules.refreshTokenIdleTtl },
    receipt: rules.graceWindow > 0 ? sealReceipt(receipt, presented.refreshToken) : undefined
  }
}

/** The answer with the successors of a token that has been rotated. */
async function issued(
  verbs: VerbsWithin,
  token: StoredToken,
  succession: Succession,
  refreshToken: string
): Promise<TokenResponse> {
  const [access, refresh] = successorsOf(token, succession)
  const { clientId, subject, scope, audience } = access
  const minted = { access, refresh, refreshToken }
  const authorization = { clientId, subject, scope, audience, grantType: REFRESH_TOKEN, refresh, minted }
  return (await verbs.issue(authorization)).response
}

/** What there is to say about a token that was not rotated, as it was found. */
function notRotated(
  kernel: Kernel,
  verbs: VerbsWithin,
  presented: Presentation,
  token: StoredToken | undefined
): Promise<Refreshed> {
  const { at, attempt, by } = presented
  const clientId = by.client.id
  if (token === undefined || token.type !== 'refresh') throw refused('not_found', {})
  if (token.clientId !== clientId) throw refused('wrong_client', {})
  if (at >= token.expiresAt) throw refused('expired', { token, clientId })
  if (token.spent !== undefined) {
    const wasAlive = attempt.hasMet(token.spent.successor) || token.spent.at > at
    return reused(kernel, verbs, presented, token, wasAlive ? 'race_lost' : 'theft')
  }
  throw refused(token.revokedAt === undefined ? 'expired' : 'revoked', { token, clientId })
}

/** A spent refresh token: answered again within a grace window, otherwise a theft whatever the cause. */
async function reused(
  kernel: Kernel,
  verbs: VerbsWithin,
  presented: RefreshRequest,
  token: StoredToken,
  reuse: Exclude<ReuseOutcome, 'grace'>
): Promise<Refreshed> {
  const again = await answeredAgain(kernel, presented, token)
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
