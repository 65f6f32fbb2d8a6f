import type { ErrorCode } from '../oauth/errors.ts'
import type { RefusalReason, ReuseOutcome } from '../oauth/outcomes.ts'
import type { TokenCount } from '../oauth/tokens/token.ts'

/** What every event tells. Nothing in an event is secret; ids are ids, never tokens. */
interface Operation {
  /** The proven client; absent when there is none. */
  readonly clientId: string | undefined
  /** The OAuth error it ended in; absent when it succeeded. */
  readonly error: ErrorCode | undefined
  /** How long it took, in seconds. */
  readonly duration: number
}

/** The resource owner, as the `telemetry.userId` option shows it. */
interface OfUser {
  readonly userId: string | undefined
}

export interface IssueEvent extends Operation, OfUser {
  readonly operation: 'issue'
  readonly grantType: string
  readonly scope: readonly string[]
  /** The access token's `jti`. */
  readonly tokenId: string | undefined
  readonly family: string | undefined
  /** Lifetime of the access token in seconds. */
  readonly ttl: number | undefined
}

export interface RefreshEvent extends Operation, OfUser {
  readonly operation: 'refresh'
  /** Why the refresh token was refused. */
  readonly reason: RefusalReason | undefined
  readonly reuse: ReuseOutcome | undefined
  readonly family: string | undefined
  /** Seconds since the presented refresh token was issued, and the part of its lifetime that is. */
  readonly age: number | undefined
  readonly lifetimeUsed: number | undefined
  /** When the presented refresh token was issued, NumericDate. */
  readonly issuedAt: number | undefined
}

export interface RevokeEvent extends Operation {
  readonly operation: 'revoke'
  readonly tokenId: string | undefined
  readonly reason: string
  /** Who asked: an open set, and never a metric's label. */
  readonly by: string
  /** Tokens that were live and are now revoked. */
  readonly revoked: readonly TokenCount[]
  /** Seconds since the token was issued. */
  readonly lifetime: number | undefined
}

export interface RevokeAllEvent extends Operation, OfUser {
  readonly operation: 'revoke_all'
  readonly family: string | undefined
  readonly reason: string
  /** Who asked: an open set, and never a metric's label. */
  readonly by: string
  /** Tokens that were live and are now revoked. */
  readonly revoked: readonly TokenCount[]
}

export interface IntrospectEvent extends Operation {
  readonly operation: 'introspect'
  readonly active: boolean
}

export interface ValidateEvent {
  readonly operation: 'validate'
  readonly clientId: string | undefined
  readonly result: 'valid' | 'expired' | 'invalid'
  /** Absent when valid, or `unavailable`: it passed although a revocation could not be ruled out. */
  readonly reason: RefusalReason | undefined
}

/** The token endpoint refused. */
export interface RefusedEvent extends Operation {
  readonly operation: 'token'
  readonly error: ErrorCode
  /** Why, where a token or something of ours was the cause. */
  readonly reason: RefusalReason | undefined
  /** A grant type this server has. */
  readonly grantType: string | undefined
  /** The verb that it ended in has had an event of its own. */
  readonly isTold: boolean
}

/** Tokens reached their end unrevoked. */
export interface ExpireEvent {
  readonly operation: 'expire'
  readonly expired: readonly TokenCount[]
}

/** One thing that happened in a token's life. */
export type TokenEvent =
  | IssueEvent
  | RefreshEvent
  | RevokeEvent
  | RevokeAllEvent
  | IntrospectEvent
  | ValidateEvent
  | RefusedEvent
  | ExpireEvent
