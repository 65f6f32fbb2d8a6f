import { createPrivateKey, createPublicKey, generateKeyPairSync, type JsonWebKey, KeyObject } from 'node:crypto'
import { calculateJwkThumbprint, type JWK } from 'jose'
import { type Algorithm, algorithmsOf } from './algorithms.ts'

/** A private key: PKCS#8 PEM, JWK or KeyObject. RSA-2048 or larger, P-256/384/521, or Ed25519. */
export type SigningKeyInput = string | JWK | KeyObject

/** A key this server signs with, or verifies its older tokens with. */
export interface SigningKey {
  /** The JWK's own, else its thumbprint (RFC 7638). */
  readonly kid: string
  readonly algorithm: Algorithm
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** For the JWKS endpoint (RFC 7517). */
  readonly publicJwk: JWK
}

/** What can be generated when no key is given. */
export type GeneratedAlgorithm = 'RS256' | 'ES256' | 'EdDSA'

/** A fresh key. @throws TypeError for another algorithm */
export function generateSigningKey(algorithm: GeneratedAlgorithm): KeyObject {
  switch (algorithm) {
    case 'RS256':
      return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
    case 'ES256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    case 'EdDSA':
      return generateKeyPairSync('ed25519').privateKey
    default:
      algorithm satisfies never
      throw new TypeError('signingAlg must be RS256, ES256 or EdDSA')
  }
}

const isJwk = (input: SigningKeyInput): input is JWK => typeof input === 'object' && !(input instanceof KeyObject)

function toPrivateKey(input: SigningKeyInput): KeyObject {
  if (input instanceof KeyObject) return input
  if (typeof input === 'string') return createPrivateKey(input)
  return createPrivateKey({ key: input as JsonWebKey, format: 'jwk' })
}

/**
 * The keys to sign and verify with.
 *
 * @throws TypeError when one cannot be used, or two have the same `kid`
 */
export async function loadSigningKeys(
  inputs: readonly SigningKeyInput[]
): Promise<readonly [SigningKey, ...SigningKey[]]> {
  const [first, ...others] = await Promise.all(inputs.map(loadSigningKey))
  if (first === undefined) throw new TypeError('signingKeys must hold at least one private key')
  if (new Set([first, ...others].map(({ kid }) => kid)).size <= others.length) {
    throw new TypeError('signingKeys[] must have different kids')
  }
  return [first, ...others]
}

/** @throws TypeError when the key cannot be read, is not private, or is too weak */
async function loadSigningKey(input: SigningKeyInput): Promise<SigningKey> {
  let privateKey: KeyObject
  try {
    privateKey = toPrivateKey(input)
  } catch (cause) {
    throw new TypeError('signingKeys[] must be private keys as PKCS#8 PEM, JWK or KeyObject', { cause })
  }
  if (privateKey.type !== 'private')
    throw new TypeError('signingKeys[] must be private keys, not public or secret ones')

  const { alg, kid, use, key_ops: operations } = isJwk(input) ? input : {}
  if ((use !== undefined && use !== 'sig') || operations?.includes('sign') === false) {
    throw new TypeError('signingKeys[] holds a key that is not for signing: its use must be sig, its key_ops have sign')
  }
  if (kid === '') throw new TypeError('signingKeys[] holds a key with an empty kid: leave it out for the thumbprint')
  const possible = algorithmsOf(privateKey)
  const algorithm = possible.find((candidate) => alg === undefined || candidate === alg)
  if (algorithm === undefined) {
    throw new TypeError(
      `signingKeys[] holds a key that cannot be used${alg === undefined ? '' : ` with ${alg}`}: use RSA of 2048 to 8192 bits, P-256, P-384, P-521 or Ed25519`
    )
  }
  const publicKey = createPublicKey(privateKey)
  const jwk = publicKey.export({ format: 'jwk' }) as JWK
  const named = { ...jwk, kid: kid ?? (await calculateJwkThumbprint(jwk)), alg: algorithm, use: 'sig' }
  return {
    kid: named.kid,
    algorithm,
    privateKey,
    publicKey,
    publicJwk: named
  }
}
