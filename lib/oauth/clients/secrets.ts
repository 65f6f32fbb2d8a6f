import { hash, timingSafeEqual } from 'node:crypto'

/** The base64url SHA-256 of a high-entropy secret. No secret itself is ever kept. */
export function digest(secret: string): string {
  return hash('sha256', secret, 'base64url')
}

/** The same as bytes, to compare with. */
export function digestBytes(secret: string): Uint8Array {
  return hash('sha256', secret, 'buffer')
}

/** The digest of nothing that anyone has. */
const NOBODY: readonly Uint8Array[] = [Buffer.alloc(32)]

/**
 * Whether a secret is one of those whose digests are given. Its work depends only on the number of digests, and is
 * done against a digest nobody has when there is none, so an unknown client costs what a wrong secret costs.
 */
export function matchesAny(secret: string, digests: readonly Uint8Array[]): boolean {
  const presented = digestBytes(secret)
  let matches = false
  for (const known of digests.length > 0 ? digests : NOBODY) {
    if (timingSafeEqual(presented, known)) matches = true
  }
  return matches && digests.length > 0
}
