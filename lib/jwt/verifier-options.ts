import type { Algorithm } from './algorithms.ts'
import { REQUIRED_CLAIMS } from './claims.ts'

/** What the tokens of an issuer must be. */
export interface ExpectedTokens {
  readonly issuer: string
  readonly audience: readonly string[]
  readonly profile: keyof typeof REQUIRED_CLAIMS
}

/** How fast-jwt, alone or under @fastify/jwt, checks a token: one key, one algorithm (RFC 8725 section 3.1). */
export function verifierOptions(algorithm: Algorithm, { issuer, audience, profile }: ExpectedTokens) {
  return {
    algorithms: [algorithm],
    allowedIss: issuer,
    allowedAud: [...audience],
    requiredClaims: [...REQUIRED_CLAIMS[profile]],
    ...(profile === 'rfc9068' ? { checkTyp: 'at+jwt' } : {}),
    // verifier.ts remembers tokens, and checks their times with the kernel's clock, on remembered ones too.
    cache: false,
    ignoreExpiration: true,
    ignoreNotBefore: true
  }
}
