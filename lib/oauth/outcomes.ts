import type { StoredToken, TokenCount } from './tokens/token.ts'

/** Why a presented token was refused; a closed set, so it is safe on a metric. */
export type RefusalReason =
  | 'missing'
  | 'malformed'
  | 'unsupported_algorithm'
  | 'unknown_key'
  | 'bad_signature'
  | 'wrong_type'
  | 'wrong_issuer'
  | 'wrong_audience'
  | 'missing_claim'
  | 'invalid_claim'
  | 'unsupported_extension'
  | 'not_yet_valid'
  | 'expired'
  | 'revoked'
  | 'insufficient_scope'
  | 'not_found'
  | 'wrong_client'
  | 'reused'
  | 'unavailable'

/**
 * What was done about a refresh token that had been rotated away. `race_lost`: it had been seen alive, or the request that
 * rotated it was still being answered; treated like `theft`, which it is where another process answers that request.
 * `grace`: its successor was returned.
 */
export type ReuseOutcome = 'theft' | 'grace' | 'race_lost'

/** What a refusal may tell telemetry. `clientId` is present only when the client has been proven. */
export interface RefusalFacts {
  readonly clientId?: string | undefined
  readonly grantType?: string | undefined
  readonly reason?: RefusalReason | undefined
  /** The store has too much to do, and is not down: it has answered others meanwhile. */
  readonly isBusy?: boolean | undefined
  /** A verb has ended in it, and its event has told of it. */
  readonly isTold?: boolean | undefined
  /** What was done about a spent refresh token. */
  readonly reuse?: ReuseOutcome | undefined
  /** The stored token that was presented, where there is one and it belongs to the client. */
  readonly token?: StoredToken | undefined
}

/** The token endpoint's successful answer (RFC 6749 section 5.1). */
export interface TokenResponse {
  readonly access_token: string
  readonly token_type: 'Bearer'
  /** Lifetime of the access token in seconds. */
  readonly expires_in: number
  readonly refresh_token?: string
  /** Absent when the token has no scope. */
  readonly scope?: string
}

/** Tokens that their client does not have yet. */
export interface MintedTokens {
  readonly access: StoredToken
  readonly refresh: StoredToken | undefined
  /** The refresh token itself, which is stored nowhere. */
  readonly refreshToken: string | undefined
}

/** What issuing made: the wire values for the client, and what is stored about them. */
export interface TokenGrant {
  readonly response: TokenResponse
  readonly access: StoredToken
  readonly refresh: StoredToken | undefined
}

/** What refreshing did. `reuse` is present when a grace window answered with the successor made earlier. */
export interface Refreshed {
  readonly response: TokenResponse
  readonly spent: StoredToken
  readonly reuse: 'grace' | undefined
}

/** What a revocation changed. */
export interface Revocation {
  /** Tokens that were live and are now dead, by client and type. */
  readonly counts: readonly TokenCount[]
  /** The reason as recorded: one of the closed set. */
  readonly reason: string
  /** The token that was named, if it is known and belongs to whoever asked. */
  readonly token: StoredToken | undefined
}
