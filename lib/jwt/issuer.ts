import type { Algorithm } from './algorithms.ts'
import type { Profile, Tolerance } from './claims.ts'
import type { SignatureCheck } from './signatures.ts'

/** A key of one issuer, for one algorithm (RFC 8725 section 3.1). */
export interface VerificationKey {
  readonly algorithm: Algorithm
  readonly hasSigned: SignatureCheck
}

/** Keys as they are now, and whether they still may be used. */
export interface KeySet {
  /** By `kid`; a single key may go without. */
  readonly keys: ReadonlyMap<string | undefined, VerificationKey>
  /** False once the keys have been replaced or have become too old. Who asks uses them: see `remote-keys.ts`. */
  readonly isCurrent: () => boolean
}

interface AnyIssuer {
  /** Its `iss`. */
  readonly name: string
  /** What we are called in `aud`: a token must name one of them. */
  readonly audience: readonly string[]
  readonly profile: Profile
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
