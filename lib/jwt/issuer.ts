import type { Algorithm } from './algorithms.ts'
import type { Tolerance } from './claims.ts'

/** A key of one issuer, for one algorithm (RFC 8725 section 3.1). */
export interface VerificationKey {
  readonly algorithm: Algorithm
  /** Checks signature, `typ`, `crit`, issuer, audience and required claims. @throws what the engine throws */
  readonly verify: (token: string) => Record<string, unknown>
}

/** Keys as they are now, and whether they still may be used. */
export interface KeySet {
  /** By `kid`; a single key may go without. */
  readonly keys: ReadonlyMap<string | undefined, VerificationKey>
  /** False once the keys have been replaced or have become too old. */
  readonly isCurrent: () => boolean
}

interface AnyIssuer {
  readonly name: string
  readonly tolerance: Tolerance
}

/** This server itself, whose keys are at hand. */
export interface OwnIssuer extends AnyIssuer {
  readonly own: true
  readonly keySet: () => KeySet
}

/** Another server. */
export interface ForeignIssuer extends AnyIssuer {
  readonly own: false
  /** Its keys, fetched if need be because they are unknown, old, or lack `kid`. @throws OAuthError when they cannot be had */
  readonly keySet: (kid: string | undefined) => KeySet | Promise<KeySet>
}

/** An issuer whose tokens are accepted. */
export type Issuer = OwnIssuer | ForeignIssuer
