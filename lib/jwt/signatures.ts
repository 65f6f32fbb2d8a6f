import { constants, type KeyObject, type SigningOptions, sign, verify } from 'node:crypto'
import { promisify } from 'node:util'
import type { Algorithm } from './algorithms.ts'

/*
 * Signatures are made and checked in the thread pool: the event loop goes on meanwhile, and spends less on handing them
 * over than it would on the quickest of them.
 */

/** Makes a signature of a key over the input; both are as they stand in the token (RFC 7515 section 5.1). */
export type Sign = (input: string) => Promise<string>

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
 * The digest and the key as OpenSSL takes them for an algorithm. A key of our own carries its options: Node reads them off
 * whatever brings the key, and of a plain object Node 24 finds out, by exceptions, that it is no key itself. That takes
 * longer than the signature.
 */
function parameters(algorithm: Algorithm, key: KeyObject) {
  return {
    digest: algorithm === 'EdDSA' ? null : `sha${algorithm.slice(2)}`,
    key: Object.assign(structuredClone(key), optionsOf(algorithm))
  }
}

const signInPool = promisify(sign)

export function signing(algorithm: Algorithm, privateKey: KeyObject): Sign {
  const { digest, key } = parameters(algorithm, privateKey)
  return async (input) => (await signInPool(digest, Buffer.from(input, 'latin1'), key)).toString('base64url')
}

export function signatureCheck(algorithm: Algorithm, publicKey: KeyObject): SignatureCheck {
  const { digest, key } = parameters(algorithm, publicKey)
  return (input, signature) =>
    new Promise((resolve) => {
      // What cannot be a signature of this key, by its length for example, is an error to some versions of OpenSSL.
      verify(digest, Buffer.from(input, 'latin1'), key, Buffer.from(signature, 'base64url'), (error, isGood) =>
        resolve(error === null && isGood)
      )
    })
}
