import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import { calculateJwkThumbprint, decodeProtectedHeader, type JWK } from 'jose'
import t, { type Test } from 'tap'
import type { GeneratedAlgorithm, OAuthTelemetryOptions, SigningKeyInput } from '../../lib/index.ts'
import { claimsOf, forgeJwt, makeKey, publicJwkOf, signJwt } from '../support/jwt.ts'
import { assertAccepted, assertInvalidToken } from '../support/resource-server.ts'
import { AUDIENCE, buildServer, ISSUER } from '../support/server.ts'

const privateJwk = (key: KeyObject, more: object = {}): JWK => ({ ...publicJwkOf(key), ...more })

/** The server with these keys; the test is told what it issues and what its JWKS shows. */
async function withKeys(t: Test, options: Partial<OAuthTelemetryOptions>) {
  const fastify = await buildServer(t, options)
  const { access_token: token } = await fastify.oauth.issue({ clientId: 'reports' })
  const { keys } = (await fastify.inject({ url: '/oauth/jwks' })).json() as { keys: (JWK & { kid: string })[] }
  return { fastify, token, header: decodeProtectedHeader(token), keys }
}

t.test('RS256, ES256 and EdDSA are generated on demand and work end to end; RS256 is the default', async (t) => {
  const byDefault = { signingAlg: undefined } as unknown as Partial<OAuthTelemetryOptions>
  const cases: [GeneratedAlgorithm, Partial<OAuthTelemetryOptions>][] = [
    ['RS256', byDefault],
    ['RS256', { signingAlg: 'RS256' }],
    ['ES256', { signingAlg: 'ES256' }],
    ['EdDSA', { signingAlg: 'EdDSA' }]
  ]
  for (const [alg, options] of cases) {
    const { fastify, token, header, keys } = await withKeys(t, options)
    await assertAccepted(t, fastify, token, 'reports', alg)
    t.equal(header.alg, alg)
    t.equal(header.typ, 'at+jwt')
    t.equal(keys.length, 1)
    t.match(keys[0], { alg, use: 'sig', kid: header.kid })
    t.equal(header.kid, keys[0] && (await calculateJwkThumbprint(keys[0])), 'kid is the thumbprint')
  }
})

t.test('a key may be PEM, JWK or KeyObject, of any supported kind', async (t) => {
  const kinds: [alg: string, KeyObject][] = [
    ['RS256', makeKey('', 'RS256').privateKey],
    ['ES256', makeKey('', 'ES256').privateKey],
    ['ES384', makeKey('', 'ES384').privateKey],
    ['ES512', makeKey('', 'ES512').privateKey],
    ['EdDSA', makeKey('', 'EdDSA').privateKey]
  ]
  for (const [alg, key] of kinds) {
    const pem = key.export({ type: 'pkcs8', format: 'pem' }) as string
    const kid = await calculateJwkThumbprint(publicJwkOf(key))
    const inputs: [string, SigningKeyInput, string][] = [
      ['PEM', pem, kid],
      ['KeyObject', key, kid],
      ['JWK', privateJwk(key), kid],
      ['JWK with kid', privateJwk(key, { kid: 'mine', alg, use: 'sig', key_ops: ['sign'] }), 'mine']
    ]
    for (const [form, input, expected] of inputs) {
      const { fastify, token, header } = await withKeys(t, { signingKeys: [input] })
      t.match(header, { alg, kid: expected }, `${alg} as ${form}`)
      await assertAccepted(t, fastify, token, 'reports', `${alg} as ${form}`)
    }
  }
})

t.test("the application's own KeyObject signs on as it did before", async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  await withKeys(t, { signingKeys: [privateKey] })
  const input = Buffer.from('of the application')
  t.ok(verify('sha256', input, publicKey, sign('sha256', input, privateKey)), 'in DER, which is what Node defaults to')
  t.not(sign('sha256', input, privateKey).length, 64, 'and not in the form that JWTs need')
})

t.test('an RSA JWK with alg PS256 signs with PS256', async (t) => {
  const signingKeys = [privateJwk(makeKey('', 'RS256').privateKey, { alg: 'PS256' })]
  const { fastify, token, header } = await withKeys(t, { signingKeys })
  t.equal(header.alg, 'PS256')
  await assertAccepted(t, fastify, token, 'reports', 'PS256')
})

t.test('of several keys the first signs, all verify, and the JWKS shows the public half of all', async (t) => {
  const [newKey, oldKey] = [makeKey('new', 'ES256'), makeKey('old', 'RS256')]
  const before = await withKeys(t, { signingKeys: [privateJwk(oldKey.privateKey, { kid: 'old' })] })
  t.equal(before.header.kid, 'old')
  const signingKeys = [newKey, oldKey].map(({ kid, privateKey }) => privateJwk(privateKey, { kid }))
  const { fastify, token, header, keys } = await withKeys(t, { signingKeys })
  t.equal(header.kid, 'new')
  t.same(keys, [newKey.publicJwk, oldKey.publicJwk], 'and nothing private')
  await assertAccepted(t, fastify, token, 'reports', 'the first key')
  const claims = claimsOf({ iss: ISSUER, aud: AUDIENCE, client_id: 'reports' })
  const byOld = signJwt(oldKey, claims)
  await assertInvalidToken(t, fastify, byOld, 'revoked', 'the second verifies; the store has no such token', 'reports')
  await assertInvalidToken(
    t,
    fastify,
    signJwt(oldKey, claims, { kid: 'new', alg: 'RS256' }),
    'unsupported_algorithm',
    'B19'
  )
})

t.test('B22: what cannot sign safely is refused at registration', async (t) => {
  const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength }).privateKey
  const good = rsa(2048)
  const ec = makeKey('', 'ES256').privateKey
  const tooWeak = /^signingKeys\[\] holds a key that cannot be used.*: use RSA of 2048 to 8192 bits, P-256/
  const unreadable = /^signingKeys\[\] must be private keys as PKCS#8 PEM, JWK or KeyObject$/
  const notForSigning = /^signingKeys\[\] holds a key that is not for signing/
  const wrong: [what: string, keys: SigningKeyInput[], RegExp][] = [
    ['RSA-1024', [rsa(1024)], tooWeak],
    ['RSA-1024 as PEM', [rsa(1024).export({ type: 'pkcs8', format: 'pem' }) as string], tooWeak],
    ['RSA with e=1', [privateJwk(good, { e: 'AQ' })], tooWeak],
    ['secp256k1', [generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey], tooWeak],
    ['P-224', [generateKeyPairSync('ec', { namedCurve: 'P-224' }).privateKey], tooWeak],
    ['Ed448', [generateKeyPairSync('ed448').privateKey], tooWeak],
    ['X25519', [generateKeyPairSync('x25519').privateKey], tooWeak],
    ['RSA-PSS', [generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey], tooWeak],
    ['an alg of another kind', [privateJwk(ec, { alg: 'RS256' })], tooWeak],
    ['alg none', [privateJwk(ec, { alg: 'none' })], tooWeak],
    ['use enc', [privateJwk(ec, { use: 'enc' })], notForSigning],
    ['key_ops without sign', [privateJwk(ec, { key_ops: ['verify'] })], notForSigning],
    ['an empty kid', [privateJwk(ec, { kid: '' })], /^signingKeys\[\] holds a key with an empty kid/],
    ['a public JWK', [publicJwkOf(createPublicKey(ec))], unreadable],
    ['a public KeyObject', [createPublicKey(ec)], /^signingKeys\[\] must be private keys, not public/],
    ['B23: a symmetric JWK', [{ kty: 'oct', k: 'c2VjcmV0' }], unreadable],
    ['a secret', ['a-shared-secret'], unreadable],
    ['an empty JWK', [{}], unreadable],
    ['no key', [], /^signingKeys must hold at least one private key$/],
    ['one key twice', [good, good], /^signingKeys\[\] must have different kids$/],
    ['one kid twice', [privateJwk(ec, { kid: 'a' }), privateJwk(good, { kid: 'a' })], /^signingKeys\[\] must have diff/]
  ]
  for (const [what, signingKeys, message] of wrong) {
    await t.rejects(buildServer(t, { signingKeys }), { name: 'TypeError', message }, what)
  }
})

t.test('signingAlg is RS256, ES256 or EdDSA', async (t) => {
  for (const signingAlg of ['HS256', 'none', 'PS256', 'constructor']) {
    const options = { signingAlg } as unknown as Partial<OAuthTelemetryOptions>
    await t.rejects(buildServer(t, options), new TypeError('signingAlg must be RS256, ES256 or EdDSA'), signingAlg)
  }
})

t.test('B23: no HMAC: a token signed with the public key as its secret is refused', async (t) => {
  const { fastify, keys } = await withKeys(t, { signingAlg: 'RS256' })
  const [jwk] = keys
  const secret = createPublicKey({ key: { ...jwk }, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  for (const alg of ['HS256', 'HS384', 'HS512']) {
    const input = forgeJwt({ alg, kid: jwk?.kid, typ: 'at+jwt' }, claimsOf({ iss: ISSUER })).slice(0, -1)
    const signature = createHmac(alg.replace('HS', 'sha'), secret).update(input).digest('base64url')
    await assertInvalidToken(t, fastify, `${input}.${signature}`, 'unsupported_algorithm', alg)
  }
})
