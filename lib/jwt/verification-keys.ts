import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import type { JWK } from 'jose'
import { algorithmsOf } from './algorithms.ts'
import type { VerificationKey } from './issuer.ts'
import { signatureCheck } from './signatures.ts'

/** Why a key of a JWKS is not used; a fixed sentence for the log. */
class UnusableKey extends Error {}

function verificationKey(jwk: JWK): VerificationKey {
  if (jwk.kty === 'oct') throw new UnusableKey('a symmetric key is not a public key')
  if (jwk.d !== undefined) throw new UnusableKey('a private key has been published')
  if (jwk.use !== undefined && jwk.use !== 'sig') throw new UnusableKey('its use is not sig')
  if (jwk.key_ops !== undefined && !jwk.key_ops.includes('verify')) throw new UnusableKey('its key_ops lack verify')
  let key: KeyObject
  try {
    key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })
  } catch (cause) {
    throw new UnusableKey('it cannot be read', { cause })
  }
  const algorithm = algorithmsOf(key).find((candidate) => jwk.alg === undefined || candidate === jwk.alg)
  if (algorithm === undefined) throw new UnusableKey('it is too weak or too slow, or not of its alg')
  return { algorithm, hasSigned: signatureCheck(algorithm, key) }
}

/** The usable keys of a JWKS by `kid`, and why the others are not. */
export interface VettedKeys {
  readonly keys: ReadonlyMap<string | undefined, VerificationKey>
  readonly rejected: readonly string[]
}

/** More keys than this are no key set of an issuer, but a burden: those after them are left out. */
const MAX_KEYS = 100

/**
 * Takes the keys that may verify tokens (RFC 7517, RFC 8725 section 3): what `use`, `key_ops`, `alg`, size and curve
 * forbid is left out, and so is every key that shares its `kid` with another. A single key may go without `kid`.
 */
export function vetKeys(jwks: readonly JWK[]): VettedKeys {
  const keys = new Map<string | undefined, VerificationKey>()
  const rejected: string[] = []
  if (jwks.length > MAX_KEYS) rejected.push(`keys from ${MAX_KEYS} on: there are ${jwks.length}`)
  const named = new Map<unknown, number>()
  for (const jwk of jwks) named.set(jwk?.kid, (named.get(jwk?.kid) ?? 0) + 1)
  for (const [index, jwk] of jwks.slice(0, MAX_KEYS).entries()) {
    try {
      if (jwk.kid === undefined && jwks.length > 1) throw new UnusableKey('it has no kid among several keys')
      if (jwk.kid !== undefined && typeof jwk.kid !== 'string') throw new UnusableKey('its kid is not a string')
      if (jwk.kid !== undefined && named.get(jwk.kid) !== 1) throw new UnusableKey('its kid is not unique')
      keys.set(jwk.kid, verificationKey(jwk))
    } catch (error) {
      rejected.push(`key ${index}: ${error instanceof UnusableKey ? error.message : 'the engine refuses it'}`)
    }
  }
  return { keys, rejected }
}
