import type { OwnIssuer } from './issuer.ts'
import { signatureCheck } from './signatures.ts'
import type { SigningKey } from './signing-keys.ts'

interface OwnIssuerOptions {
  readonly issuer: string
  readonly audience: readonly string[]
  readonly keys: readonly SigningKey[]
  /** Seconds by which the clocks of our replicas may differ. */
  readonly clockTolerance: number
}

/**
 * This server as an issuer. Its tokens end exactly at `exp`: the store counts them as ended then, and the clock that
 * set it is the clock that reads it.
 */
export function ownIssuer({ issuer, audience, keys, clockTolerance }: OwnIssuerOptions): OwnIssuer {
  const keySet = {
    keys: new Map(
      keys.map(({ kid, algorithm, publicKey }) => [kid, { algorithm, hasSigned: signatureCheck(algorithm, publicKey) }])
    ),
    isCurrent: () => true
  }
  return {
    name: issuer,
    audience,
    profile: 'rfc9068',
    own: true,
    tolerance: { start: clockTolerance, end: 0 },
    keySet: () => keySet
  }
}
