import type { Terms } from './terms.ts'
import type { Spending, StoredToken } from './token.ts'

const UNENDED = { spent: undefined, revokedAt: undefined }

/**
 * What a refresh token is rotated into: an access token and the next refresh token. What is not said here they inherit
 * from it: family, client, subject, the end of the family, scope and audience. Their ids name its place (`placeOf` in
 * `token-id.ts`). All times are NumericDate.
 */
export interface Succession {
  /** When the token is spent, and its successors are issued; they are not older than it, should clocks differ. */
  readonly at: number
  /** Trace context of the operation. */
  readonly trace: string | undefined
  readonly access: AccessSuccessor
  readonly refresh: RefreshSuccessor
  /** What it takes to answer again, sealed with the spent token itself; present only with a grace window. */
  readonly receipt: string | undefined
}

/** What the access token does not have from the refresh token. */
export interface AccessSuccessor {
  readonly id: string
  readonly expiresAt: number
  /** Present when the access token may do less than the refresh token. */
  readonly terms: Terms | undefined
}

/** What the next refresh token does not have from the one before. */
export interface RefreshSuccessor {
  readonly id: string
  /** Its end, unless its family ends before. */
  readonly expiresAt: number
}

/** Why a client cannot rotate a token; `undefined` when it can. */
export function whyNotRotated(
  token: StoredToken,
  clientId: string,
  at: number
): 'not_found' | 'wrong_client' | 'expired' | 'reused' | 'revoked' | undefined {
  if (token.type !== 'refresh') return 'not_found'
  if (token.clientId !== clientId) return 'wrong_client'
  if (at >= token.expiresAt) return 'expired'
  if (token.spent !== undefined) return 'reused'
  return token.revokedAt === undefined ? undefined : 'revoked'
}

/** Whether a token is a live refresh token of the client. */
export function mayRotate(token: StoredToken, clientId: string, at: number): boolean {
  return whyNotRotated(token, clientId, at) === undefined
}

/** How a token is spent by its succession. */
export function spendingOf({ at, trace, refresh, receipt }: Succession): Spending {
  return { at, successor: refresh.id, trace, receipt }
}

/** A revocation by a clock that is ahead, which the token came after, does not catch its successors. */
function issuedAfter({ issuedAt }: StoredToken, at: number): number {
  return Math.max(issuedAt, at)
}

/** The access token that a refresh token is exchanged for. */
export function accessSuccessor(
  token: StoredToken,
  { at, trace, access }: Pick<Succession, 'at' | 'trace' | 'access'>
): StoredToken {
  const { id, expiresAt, terms = token } = access
  const { scope, audience } = terms
  return {
    ...token,
    ...UNENDED,
    id,
    type: 'access',
    scope,
    audience,
    issuedAt: issuedAfter(token, at),
    expiresAt,
    trace
  }
}

/** The refresh token that replaces another. */
export function refreshSuccessor(token: StoredToken, { at, trace, refresh }: Succession): StoredToken {
  const expiresAt = Math.min(refresh.expiresAt, token.familyExpiresAt)
  return { ...token, ...UNENDED, id: refresh.id, issuedAt: issuedAfter(token, at), expiresAt, trace }
}

/** What takes the place of a refresh token. */
export function successorsOf(token: StoredToken, succession: Succession): [access: StoredToken, refresh: StoredToken] {
  return [accessSuccessor(token, succession), refreshSuccessor(token, succession)]
}
