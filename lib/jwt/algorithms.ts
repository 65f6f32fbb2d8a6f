import type { KeyObject } from 'node:crypto'

/** The signature algorithms of RFC 7518 section 3.1 and RFC 8037 that are accepted; never `none`, never HMAC. */
export const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA'
] as const

export type Algorithm = (typeof ALGORITHMS)[number]

const CURVES: Record<string, Algorithm> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' }

/** RFC 7518 section 3.3: 2048 bits or larger. Beyond the other bounds each check costs milliseconds. */
const RSA_BITS = { min: 2048, max: 8192 }
const MAX_RSA_EXPONENT = 2n ** 32n

const isSoundRsa = (bits: number, exponent: bigint): boolean =>
  bits >= RSA_BITS.min && bits <= RSA_BITS.max && exponent > 2n && exponent % 2n === 1n && exponent < MAX_RSA_EXPONENT

/** The algorithms a key may be used with, the usual one first; empty when it is too weak, too slow, or of another kind. */
export function algorithmsOf(key: KeyObject): readonly Algorithm[] {
  const { modulusLength = 0, publicExponent = 0n, namedCurve = '' } = { ...key.asymmetricKeyDetails }
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return isSoundRsa(modulusLength, publicExponent) ? ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] : []
    case 'ec': {
      const algorithm = CURVES[namedCurve]
      return algorithm === undefined ? [] : [algorithm]
    }
    case 'ed25519':
      return ['EdDSA']
    default:
      return []
  }
}
