import type { JWK } from 'jose'
import type { Profile } from './claims.ts'
import type { ForeignIssuer, KeySet } from './issuer.ts'
import { type RemoteKeysOptions, remoteKeys } from './remote-keys.ts'
import { vetKeys } from './verification-keys.ts'

/** An issuer whose access tokens this resource server accepts. */
export interface TrustedIssuer {
  /** Compared with `iss` as an exact string (RFC 9068 section 4). */
  readonly issuer: string
  /** What this resource server is called in `aud`; a token must name one of them. */
  readonly audience: string | readonly string[]
  /** Its public keys. Presence means that nothing is ever fetched. */
  readonly keys?: readonly JWK[]
  /**
   * Where its JWKS is: https, or http on loopback. Default: found by discovery (RFC 8414, then OpenID Connect
   * Discovery) at the first token.
   */
  readonly jwksUri?: string
  /**
   * `rfc9068`: `typ` must be `at+jwt` and every claim of RFC 9068 section 2.2 must be there. `jwt`: any `typ`, and
   * only `iss`, `exp` and `aud` must be there; for issuers that do not know RFC 9068. Then make sure that no ID token
   * has this audience. Default: `rfc9068`.
   */
  readonly profile?: Profile
}

/** Where the keys of a foreign issuer come from: its own list, which never changes, or the network. */
export function trustedIssuer(
  trusted: TrustedIssuer,
  clockTolerance: number,
  remote: Omit<RemoteKeysOptions, 'issuer' | 'jwksUri'>
): ForeignIssuer {
  const { issuer, audience, profile = 'rfc9068', keys, jwksUri } = trusted
  return {
    name: issuer,
    audience: [audience].flat(),
    profile,
    own: false,
    tolerance: { start: clockTolerance, end: clockTolerance },
    keySet: keys === undefined ? remoteKeys({ ...remote, issuer, jwksUri }) : fixedKeys(keys, issuer)
  }
}

/** @throws TypeError when one of the keys cannot be used */
function fixedKeys(jwks: readonly JWK[], issuer: string): () => KeySet {
  const { keys, rejected } = vetKeys(jwks)
  if (rejected.length > 0) throw new TypeError(`trust[].keys of "${issuer}": ${rejected.join('; ')}`)
  const keySet = { keys, isCurrent: () => true }
  return () => keySet
}
