import { isKeyServerUrl } from '../jwt/key-fetch.ts'
import type { TrustedIssuer } from '../jwt/trusted-issuer.ts'
import { onlyKnown } from '../oauth/properties.ts'
import { audiences, ensure, issuerUrl } from './checks.ts'
import { TRUST } from './names.ts'

/**
 * The trusted issuers.
 *
 * @param own this server's issuer identifier
 */
export function readTrust(trust: readonly TrustedIssuer[], own: string | undefined): readonly TrustedIssuer[] {
  ensure(Array.isArray(trust) && trust.length > 0, 'trust must be an array of { issuer, audience }, not an empty one')
  const names = new Set<string>()
  for (const trusted of trust) {
    const { issuer, audience, jwksUri, keys, profile } = onlyKnown('trust[]', trusted, TRUST)
    issuerUrl('trust[].issuer', issuer)
    ensure(issuer !== own, 'trust[].issuer must not be this server itself')
    ensure(!names.has(issuer), `trust[].issuer "${issuer}" appears twice`)
    names.add(issuer)
    audiences('trust[].audience', audience)
    ensure(keys === undefined || jwksUri === undefined, 'trust[] takes keys or jwksUri, not both')
    ensure(
      keys === undefined || (Array.isArray(keys) && keys.length > 0),
      'trust[].keys must hold at least one public JWK, in an array'
    )
    ensure(
      profile === undefined || profile === 'rfc9068' || profile === 'jwt',
      "trust[].profile must be 'rfc9068' or 'jwt'"
    )
    ensure(jwksUri === undefined || isKeyServerUrl(jwksUri), 'trust[].jwksUri must be https, or http on loopback')
    ensure(
      keys !== undefined || jwksUri !== undefined || isKeyServerUrl(issuer),
      'trust[].issuer must be https, or http on loopback, for its keys to be found: or give trust[].keys or trust[].jwksUri'
    )
  }
  return trust
}
