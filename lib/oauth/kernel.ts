import type { AccessTokenSigner, AccessTokenVerifier } from './access-token.ts'
import type { Authenticate } from './authenticate.ts'
import type { ClientRegistry } from './clients.ts'
import type { GraceAnswers } from './grace-answers.ts'
import type { GrantHandler } from './grants/grant.ts'
import type { Races } from './races.ts'
import type { TokenStore } from './store.ts'

/** What the rules need to know of the configuration. Durations are seconds. */
export interface Rules {
  readonly issuer: string
  /** The resource servers tokens are for; the first is for requests that name none (RFC 9068 section 3). */
  readonly audience: readonly [string, ...string[]]
  readonly accessTokenTtl: number
  readonly refreshTokenIdleTtl: number
  readonly refreshTokenAbsoluteTtl: number
  /** How long a spent refresh token still answers with its successor; 0 is never. */
  readonly graceWindow: number
  /** Whose tokens a reuse revokes. */
  readonly reuse: 'user' | 'family'
  readonly revocationReasons: ReadonlySet<string>
}

/** What the verbs stand on. Time and everything outside the rules is passed in. */
export interface Kernel {
  readonly rules: Rules
  readonly clients: ClientRegistry
  readonly authenticate: Authenticate
  readonly grants: ReadonlyMap<string, GrantHandler>
  readonly store: TokenStore
  readonly races: Races
  readonly graceAnswers: GraceAnswers
  readonly sign: AccessTokenSigner
  /** Claims as a guard reads them. @throws TypeError when none would accept them */
  readonly claimsAsRead: (claims: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>
  readonly verifier: AccessTokenVerifier
  /** The time as NumericDate: seconds since the epoch. */
  readonly now: () => number
}
