import type { IdentifiedClient } from '../clients/authenticate.ts'
import { asOAuthError, OAuthError } from '../errors.ts'
import type { Kernel } from '../kernel.ts'
import type {
  MintedTokens,
  Refreshed,
  RefusalFacts,
  RefusalReason,
  ReuseOutcome,
  Revocation,
  TokenGrant
} from '../outcomes.ts'
import { answeredAgain } from '../tokens/grace.ts'
import type { Attempt } from '../tokens/races.ts'
import { sealReceipt } from '../tokens/receipts.ts'
import { mayRotate, type Succession, successorsOf, whyNotRotated } from '../tokens/succession.ts'
import { type Asked, asksForLess, narrowed, type Terms } from '../tokens/terms.ts'
import type { StoredToken } from '../tokens/token.ts'
import { newRefreshToken, newTokenId, refreshTokenId } from '../tokens/token-id.ts'
import type { ReuseRevocation } from './revoke-all.ts'

/** A request to refresh (RFC 6749 section 6), by a client that may use the grant. */
export interface RefreshRequest extends Asked {
  readonly refreshToken: string
  readonly by: IdentifiedClient
  /** Trace context of the operation. */
  readonly trace?: string | undefined
}

/** The verbs a refresh uses: issuing and revoking inside it are operations of their own. */
interface VerbsWithin {
  issueSuccessors(minted: MintedTokens): Promise<TokenGrant>
  revokeAll(request: ReuseRevocation): Promise<Revocation>
}

/**
 * Spends a refresh token for a new pair. Exactly one of any number of parallel requests succeeds; a token that has
 * been rotated away kills its user's (or its family's) tokens instead (RFC 9700 section 4.14.2).
 *
 * It is spent before the answer is made: where that fails, it stays spent, and only a grace window answers again.
 *
 * @param verbs the server as others see it
 */
export async function refresh(kernel: Kernel, verbs: VerbsWithin, request: RefreshRequest): Promise<Refreshed> {
  const at = kernel.now()
  const id = refreshTokenId(request.refreshToken)
  const refreshToken = newRefreshToken(at, id)
  const successor = { id: refreshTokenId(refreshToken), refreshToken }
  const attempt = kernel.races.enter(id, successor.id)
  try {
    return await spend(kernel, verbs, { ...request, id, at, successor, attempt })
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

/**
 * Rotates without a look before, unless what is asked for depends on what the token has. That is refused after all that
 * is wrong with the token: a reuse is one whatever it asks for.
 */
async function spend(kernel: Kernel, verbs: VerbsWithin, presented: Presentation): Promise<Refreshed> {
  const { id, at, successor, attempt } = presented
  const clientId = presented.by.client.id
  let terms: Terms | undefined
  if (asksForLess(presented)) {
    const found = await kernel.store.find(id)
    if (found === undefined || !mayRotate(found, clientId, at)) return answerLoser(kernel, verbs, presented, found)
    terms = await withFacts(factsOf(found), () => narrowed(presented, found))
  }
  const succession = successionOf(kernel, presented, terms)
  const { won, token } = await kernel.store.rotate(id, clientId, succession)
  if (!won) return answerLoser(kernel, verbs, presented, token, terms !== undefined)
  attempt.win()
  const [access, refresh] = successorsOf(token, succession)
  const minted = { access, refresh, refreshToken: successor.refreshToken }
  const { response } = await withFacts(factsOf(token), () => verbs.issueSuccessors(minted))
  return { response, spent: token, reuse: undefined }
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

/**
 * The token could not be rotated, for what it was found to be.
 *
 * @param sawItAlive whether it was alive when this request looked
 */
async function answerLoser(
  kernel: Kernel,
  verbs: VerbsWithin,
  presented: Presentation,
  token: StoredToken | undefined,
  sawItAlive = false
): Promise<Refreshed> {
  const { at, attempt, by } = presented
  if (token === undefined) throw refused('not_found', {})
  // One that seems to be all right has been seen to expire, and the clock has gone back since.
  const reason = whyNotRotated(token, by.client.id, at) ?? 'expired'
  if (reason === 'not_found' || reason === 'wrong_client') throw refused(reason, {})
  const { spent } = token
  if (reason !== 'reused' || spent === undefined) throw refused(reason, factsOf(token))
  const isRace = sawItAlive || attempt.hasMet(spent.successor)
  return answerReuse(kernel, verbs, presented, token, isRace ? 'race_lost' : 'theft')
}

/** A spent refresh token: answered again within a grace window, otherwise a theft whatever the cause. */
async function answerReuse(
  kernel: Kernel,
  verbs: VerbsWithin,
  request: RefreshRequest,
  token: StoredToken,
  reuse: Exclude<ReuseOutcome, 'grace'>
): Promise<Refreshed> {
  const again = await withFacts(factsOf(token), () => answeredAgain(kernel, request, token))
  if (again !== undefined) return { response: again, spent: token, reuse: 'grace' }

  const facts = { ...factsOf(token), reuse }
  const { subject, family } = token
  const victims = kernel.rules.reuse === 'user' && subject !== undefined ? { subject, reused: token } : { family }
  await withFacts(facts, () => verbs.revokeAll({ ...victims, reason: 'security_incident', by: 'reuse_detection' }))
  throw refused('reused', facts)
}

/** What is known of a request whose token is one of its client. */
function factsOf(token: StoredToken): RefusalFacts {
  return { token, clientId: token.clientId }
}

/** One body for every way a refresh token can be no good: which one is nobody's business (RFC 6749 section 5.2). */
function refused(reason: RefusalReason, facts: RefusalFacts): OAuthError {
  return new OAuthError('invalid_grant', 'The refresh token is not valid.', { facts: { ...facts, reason } })
}

/** Tells a failure what is known. */
async function withFacts<T>(facts: RefusalFacts, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw asOAuthError(error).withFacts(facts)
  }
}
