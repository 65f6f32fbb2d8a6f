import { ok } from 'node:assert'
import { constants, createPublicKey, type KeyObject, type SigningOptions, sign, verify } from 'node:crypto'
import { promisify } from 'node:util'
import type { Algorithm } from './algorithms.ts'

/*
 * Signatures are made and checked in the thread pool: the event loop goes on meanwhile, and spends less on handing them
 * over than it would on the quickest of them.
 */

/** Makes the signature of a key over the input; both are as they stand in the token (RFC 7515 section 5.1). */
export type SignatureMaker = (input: string) => Promise<string>

/** Whether a signature is that of a key over the input, both as they stand in the token (RFC 7515 section 5.2). */
export type SignatureCheck = (input: string, signature: string) => Promise<boolean>

const signInPool = promisify(sign)

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

const digestOf = (algorithm: Algorithm): string | null => (algorithm === 'EdDSA' ? null : `sha${algorithm.slice(2)}`)

/**
 * A key that brings its options along: Node reads them off whatever it is given. Given a plain object with both, Node 24
 * finds out by exceptions that this is no key itself, which takes longer than the signature.
 */
function carrying(options: SigningOptions | undefined, key: KeyObject): KeyObject {
  return options === undefined ? key : Object.assign(structuredClone(key), options)
}

/** @throws AssertionError where Node does not sign as RFC 7518 says: no other version of it may be trusted unseen */
export function signatureMaker(algorithm: Algorithm, privateKey: KeyObject): SignatureMaker {
  const digest = digestOf(algorithm)
  const options = optionsOf(algorithm)
  const key = carrying(options, privateKey)
  const sample = Buffer.from('sample')
  const asDocumented = { key: createPublicKey(privateKey), ...options }
  ok(verify(digest, sample, asDocumented, sign(digest, sample, key)), 'this version of Node signs in another way')
  return async (input) => (await signInPool(digest, Buffer.from(input, 'latin1'), key)).toString('base64url')
}

export function signatureCheck(algorithm: Algorithm, publicKey: KeyObject): SignatureCheck {
  const digest = digestOf(algorithm)
  const key = carrying(optionsOf(algorithm), publicKey)
  return (input, signature) =>
    new Promise((resolve) => {
      // What cannot be a signature of this key, by its length for example, is an error to some versions of OpenSSL.
      verify(digest, Buffer.from(input, 'latin1'), key, Buffer.from(signature, 'base64url'), (error, isGood) =>
        resolve(error === null && isGood)
      )
    })
}
