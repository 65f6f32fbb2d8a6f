import type { onRequestHookHandler } from 'fastify'
import type { GeneratedAlgorithm, SigningKeyInput } from '../jwt/signing-keys.ts'
import type { TrustedIssuer } from '../jwt/trusted-issuer.ts'
import type { AttemptLimit } from '../oauth/clients/attempts.ts'
import type { ClientSource } from '../oauth/clients/clients.ts'
import type { GrantHandler } from '../oauth/grants/grant.ts'
import type { TokenStore } from '../oauth/store/store.ts'
import type { RevocationCheck } from '../oauth/verbs/validate.ts'
import type { MetricSource } from '../telemetry/prometheus.ts'
import type { TraceTrust } from '../telemetry/request-context.ts'
import type { EventListener } from '../telemetry/telemetry.ts'
import type { UserIdMode } from '../telemetry/user-ids.ts'

/** How refresh tokens live. Durations are seconds. */
export interface RefreshTokenOptions {
  /** A refresh token that is not used for so long is dead. Default: 14 days. */
  readonly idleTtl?: number
  /** A family ends after so long, however often it is refreshed (RFC 9700 section 4.14.2). Default: 90 days. */
  readonly absoluteTtl?: number
  /**
   * Presence lets the immediate predecessor of a live refresh token be answered again, with the same successor, for so
   * long after it was spent: at most 60, and less than `accessTokenTtl`; a hundred times at most. It forgives clients
   * that lose an answer, and a thief who is as quick.
   * Default: 0, no grace.
   */
  readonly graceWindow?: number
  /** What a reuse revokes: all tokens of the user, or the token family only. Default: `user`. */
  readonly reuse?: 'user' | 'family'
}

export interface TelemetryOptions {
  /** How users appear in spans, log records and events; never on metrics. Default: `plain`. */
  readonly userId?: UserIdMode
  /** The HMAC key of `userId: 'hash'`. Default: random, so that hashes of two processes differ. */
  readonly userIdKey?: string
  /**
   * Whether a request's trace context becomes the parent of our spans; if not, a new trace begins and links to it.
   * Default: `true`.
   */
  readonly trustIncomingTrace?: TraceTrust
  /** At most so many different client labels; the rest share `_other`. Default: 1000. */
  readonly clientLimit?: number
  /** Called with every event. What it throws is counted in `oauth2.telemetry.dropped` and otherwise ignored. */
  readonly onEvent?: EventListener
}

export interface MetricsOptions {
  /** Default: `/metrics`. */
  readonly path?: string
  /** Presence guards the route: one `onRequest` hook or several. */
  readonly onRequest?: onRequestHookHandler | onRequestHookHandler[]
  /** Presence gives the metrics a listener of their own on this port; 0 picks a free one. */
  readonly port?: number
  /** The host of that listener. Default: `127.0.0.1`. */
  readonly host?: string
  /**
   * The application's own exporter or metric reader, to collect from instead of a reader of ours. It must belong to
   * the global MeterProvider.
   */
  readonly exporter?: MetricSource
}

/** Options of `fastify.register(oauthTelemetry, options)`. A wrong one throws at registration, by name. */
export interface OAuthTelemetryOptions {
  /**
   * This server's issuer identifier: an https URL (RFC 8414 section 2); http is accepted too, for development. Required
   * with `clients`.
   */
  readonly issuer?: string
  /** The resource servers tokens are for; the first is the default audience. Required with `clients`. */
  readonly audience?: string | readonly string[]
  /**
   * Which of them this application is: `oauth.require` and `oauth.validate` accept own tokens for these only (RFC 9068
   * section 4). Default: the first.
   */
  readonly resource?: string | readonly string[]
  /** Presence gives the issuer role: token endpoints, and `oauth.issue` and its like. A list, or a look-up. */
  readonly clients?: ClientSource
  /** Where tokens are kept; closed with the server. Default: `MemoryStore`, with a warning in production. */
  readonly store?: TokenStore
  /**
   * Seconds after which the store counts as down, 0.05 to 60: who waits for it is answered 503 with `Retry-After`.
   * While nobody is answered, one request in each eighth of that time tries, and the others are refused at once; at most
   * 5,000 wait. A revocation of all tokens of a subject or a client may take ten times as long. Default: 2.
   */
  readonly storeTimeout?: number
  /**
   * What the guard does with an own token that is good but for the store, which is down (and not only busy with others)
   * and cannot tell whether it has been revoked. `closed`: 503. `open`: it passes, without the certainty
   * (`request.token.revocationUnchecked`), and is counted as valid with reason `unavailable`. Everything else always
   * fails closed. Default: `closed`.
   */
  readonly revocationCheck?: RevocationCheck
  /**
   * The private keys: the first signs, all verify. Default: one is generated and kept in the store, where all replicas
   * find it, also after a restart.
   */
  readonly signingKeys?: readonly SigningKeyInput[]
  /** The algorithm of the generated key, so not beside `signingKeys`. Default: `RS256` (RFC 9068 section 2.1). */
  readonly signingAlg?: GeneratedAlgorithm
  /**
   * Presence seals the generated key before it is kept (AES-256-GCM), so that whoever can read the store cannot sign.
   * At least 32 characters made by chance, the same for all replicas and for as long as the store; not beside
   * `signingKeys`.
   */
  readonly signingKeySecret?: string
  /** More grants by grant type (RFC 6749 section 4.5). */
  readonly grants?: Readonly<Record<string, GrantHandler>>
  /** Lifetime of access tokens in seconds. Default: 3600. */
  readonly accessTokenTtl?: number
  readonly refreshToken?: RefreshTokenOptions
  /** More revocation reasons; any other than these and the standard ones is recorded as `_OTHER`. */
  readonly revocationReasons?: readonly string[]
  /**
   * How often a client may fail to authenticate from one address before it has to wait. Behind a proxy set Fastify's
   * `trustProxy` to its address (a number of hops trusts nobody), or all clients share the proxy's address, and one of
   * them can make the others wait. Default: 10 in 60 seconds.
   */
  readonly failedAttempts?: AttemptLimit
  /** The path of the endpoints. Default: `/oauth`. */
  readonly prefix?: string
  /** Seconds between two looks for expired tokens. Default: 30. */
  readonly pruneInterval?: number

  /** Issuers elsewhere whose tokens `oauth.require` accepts: beside those of `clients`, or instead of issuing any. */
  readonly trust?: readonly TrustedIssuer[]
  /**
   * Seconds, 0 to 60, by which clocks may differ: for `nbf` and `iat`, and for the `exp` of other issuers. Default: 5.
   */
  readonly clockTolerance?: number
  /** The realm of challenges (RFC 9110 section 11.5). Default: `oauth`. */
  readonly realm?: string

  /** The clock, as NumericDate: seconds since the epoch. Default: the system's; for tests. */
  readonly now?: () => number
  readonly telemetry?: TelemetryOptions
  /** Where Prometheus scrapes: a path, more options, or `false` for nowhere. Default: `/metrics`. */
  readonly metrics?: false | string | MetricsOptions
}
