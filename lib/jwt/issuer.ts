import type { Algorithm } from './algorithms.ts'
import type { Tolerance } from './claims.ts'

/** A key of one issuer, for one algorithm (RFC 8725 section 3.1). */
export interface VerificationKey {
  readonly kid: string | undefined
  readonly algorithm: Algorithm
  /** Checks signature, `typ`, `crit`, issuer, audience and required claims. @throws what the engine throws */
  readonly verify: (token: string) => Record<string, unknown>
}

/** Keys as they are now, and whether they still may be used. */
export interface KeySet {
  readonly keys: ReadonlyMap<string, VerificationKey>
  /** False once the keys have been replaced or have become too old. */
  readonly isCurrent: () => boolean
}

/** An issuer whose tokens are accepted. */
export interface Issuer {
  readonly name: string
  /** This server itself. */
  readonly own: boolean
  readonly tolerance: Tolerance
  /** Its keys, fetched if need be because they are unknown, old, or lack `kid`. @throws OAuthError when they cannot be had */
  readonly keySet: (kid: string | undefined) => KeySet | Promise<KeySet>
}
