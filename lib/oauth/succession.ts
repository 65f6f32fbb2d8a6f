import type { Terms } from './terms.ts'
import { isLive, type Spending, type StoredToken } from './token.ts'

/**
 * What a refresh token is rotated into: an access token and the next refresh token. What is not said here they inherit
 * from it: family, client, subject, the end of the family, scope and audience. Their ids name its place (`placeOf` in
 * `token-id.ts`). All times are NumericDate.
 */
export interface Succession {
  /** When the token is spent, and its successors are issued. */
  readonly at: number
  /** Trace context of the operation. */
  readonly trace: string | undefined
  readonly access: AccessSuccessor
  readonly refresh: RefreshSuccessor
  /** The answer to be, sealed with the spent token itself; present only with a grace window. */
  readonly receipt: string | undefined
}

export interface AccessSuccessor {
  readonly id: string
  readonly expiresAt: number
  /** Present when the access token may do less than the refresh token. */
  readonly terms: Terms | undefined
}

export interface RefreshSuccessor {
  readonly id: string
  /** Its end, unless its family ends before. */
  readonly expiresAt: number
}

/** Whether a token is a refresh token that the client can rotate. */
export function mayRotate(token: StoredToken, clientId: string, at: number): boolean {
  return token.type === 'refresh' && token.clientId === clientId && isLive(token, at)
}

export function spendingOf({ at, trace, refresh, receipt }: Succession): Spending {
  return { at, successor: refresh.id, trace, receipt }
}

export function accessSuccessor(
  token: StoredToken,
  { at, trace, access }: Pick<Succession, 'at' | 'trace' | 'access'>
): StoredToken {
  const { id, expiresAt, terms = token } = access
  const { scope, audience } = terms
  return { ...token, id, type: 'access', scope, audience, issuedAt: at, expiresAt, trace }
}

export function refreshSuccessor(token: StoredToken, { at, trace, refresh }: Succession): StoredToken {
  const expiresAt = Math.min(refresh.expiresAt, token.familyExpiresAt)
  return { ...token, id: refresh.id, issuedAt: at, expiresAt, trace }
}

/** The successors of a live refresh token. */
export function successorsOf(token: StoredToken, succession: Succession): [access: StoredToken, refresh: StoredToken] {
  return [accessSuccessor(token, succession), refreshSuccessor(token, succession)]
}
