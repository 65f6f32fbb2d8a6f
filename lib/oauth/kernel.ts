import type { Authenticate } from './clients/authenticate.ts'
import type { ClientRegistry } from './clients/clients.ts'
import type { GrantHandler } from './grants/grant.ts'
import type { TokenStore } from './store/store.ts'
import type { AccessTokenSigner, AccessTokenVerifier } from './tokens/access-token.ts'
import type { GraceAnswers } from './tokens/grace-answers.ts'
import type { Races } from './tokens/races.ts'

/** What the rules need to know of the configuration. Durations are seconds. */
export interface Rules {
  readonly issuer: string
  /** The resource servers tokens are for; the first is for requests that name none (RFC 9068 section 3). */
  readonly audience: readonly [string, ...string[]]
  /** Those of them that this application is. */
  readonly resource: readonly string[]
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
