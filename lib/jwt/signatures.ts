import { constants, type KeyObject, type SigningOptions, verify } from 'node:crypto'
import type { Algorithm } from './algorithms.ts'

/** Whether a signature is that of a key over the input, both as they stand in the token (RFC 7515 section 5.2). */
export type SignatureCheck = (input: string, signature: string) => Promise<boolean>

/** What OpenSSL must be told beside the key: RFC 7518 sections 3.4 and 3.5. */
function optionsOf(algorithm: Algorithm): SigningOptions | undefined {
  switch (algorithm.slice(0, 2)) {
    case 'PS':
      return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    case 'ES':
      return { dsaEncoding: 'ieee-p1363' }
    default:
      return undefined
  }
}

/**
 * Checks signatures in the thread pool: the event loop goes on meanwhile, and spends less than it would on the check
 * itself.
 */
export function signatureCheck(algorithm: Algorithm, publicKey: KeyObject): SignatureCheck {
  const digest = algorithm === 'EdDSA' ? null : `sha${algorithm.slice(2)}`
  const options = optionsOf(algorithm)
  // A bare key is half the work of one among options.
  const key = options === undefined ? publicKey : { key: publicKey, ...options }
  return (input, signature) =>
    new Promise((resolve) => {
      // What cannot be a signature of this key, by its length for example, is an error to some versions of OpenSSL.
      verify(digest, Buffer.from(input, 'latin1'), key, Buffer.from(signature, 'base64url'), (error, isGood) =>
        resolve(error === null && isGood)
      )
    })
}
