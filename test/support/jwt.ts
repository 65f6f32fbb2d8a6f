import { constants, generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from 'node:crypto'
import type { JWK } from 'jose'
import { AUDIENCE } from './server.ts'

/** The issuer elsewhere that tests trust. */
export const TENANT = 'https://tenant.example'

/** A key pair of another issuer; `publicJwk` is what its JWKS shows. */
export interface TestKey {
  readonly kid: string
  readonly alg: string
  readonly privateKey: KeyObject
  readonly publicJwk: JWK & { kid: string }
}

const GENERATE: Record<string, () => { privateKey: KeyObject; publicKey: KeyObject }> = {
  RS: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  PS: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ES512: () => generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  EdDSA: () => generateKeyPairSync('ed25519')
}

/** A fresh key pair for an algorithm of RFC 7518. */
export function makeKey(kid: string, alg = 'ES256'): TestKey {
  const generate = GENERATE[alg] ?? GENERATE[alg.slice(0, 2)]
  if (generate === undefined) throw new TypeError(`no key for ${alg}`)
  const { privateKey, publicKey } = generate()
  return { kid, alg, privateKey, publicJwk: { ...publicJwkOf(publicKey), kid, alg, use: 'sig' } }
}

/** A key object as a JWK. */
export function publicJwkOf(key: KeyObject): JsonWebKey & JWK {
  return key.export({ format: 'jwk' }) as JsonWebKey & JWK
}

/** The claims that `TENANT` gives a good access token for us; members that are `undefined` are left out. */
export function claimsOf(overrides: Record<string, unknown> = {}, now = Math.floor(Date.now() / 1000)) {
  return {
    iss: TENANT,
    aud: AUDIENCE,
    sub: 'alice',
    client_id: 'mobile',
    scope: 'orders:read',
    iat: now,
    exp: now + 300,
    jti: 'token-1',
    ...overrides
  }
}

/** A segment of a JWT: what is given as a string is taken as JSON text, however wrong it is. */
export function segment(json: unknown): string {
  return Buffer.from(typeof json === 'string' ? json : JSON.stringify(json)).toString('base64url')
}

function signatureOf(input: string, { alg, privateKey }: TestKey): Buffer {
  const data = Buffer.from(input)
  const hash = alg === 'EdDSA' ? null : `sha${alg.slice(2)}`
  if (alg.startsWith('ES')) return sign(hash, data, { key: privateKey, dsaEncoding: 'ieee-p1363' })
  if (!alg.startsWith('PS')) return sign(hash, data, privateKey)
  const { RSA_PKCS1_PSS_PADDING: padding, RSA_PSS_SALTLEN_DIGEST: saltLength } = constants
  return sign(hash, data, { key: privateKey, padding, saltLength })
}

/**
 * A JWT, correctly signed however wrong its header and payload are. The header is `alg`, `kid` and `typ: at+jwt`, and
 * whatever replaces them; a header or payload given as a string is taken as JSON text.
 */
export function signJwt(key: TestKey, payload: unknown = claimsOf(), header: Record<string, unknown> | string = {}) {
  const { alg, kid } = key
  const input = `${segment(typeof header === 'string' ? header : { alg, kid, typ: 'at+jwt', ...header })}.${segment(payload)}`
  return `${input}.${signatureOf(input, key).toString('base64url')}`
}

/** A JWT with whatever is given for a signature. */
export function forgeJwt(header: unknown, payload: unknown, signature = ''): string {
  return `${segment(header)}.${segment(payload)}.${signature}`
}
