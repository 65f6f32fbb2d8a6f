import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import type { JWK } from 'jose'
import t from 'tap'
import { claimsOf, makeKey, publicJwkOf, signJwt, TENANT } from '../support/jwt.ts'
import { assertAccepted, assertInvalidToken, buildResourceServer, trustIn } from '../support/resource-server.ts'
import { AUDIENCE } from '../support/server.ts'

const rsa = makeKey('rsa', 'RS256')
const ec = makeKey('ec', 'ES256')
const publicJwk = (key: Parameters<typeof createPublicKey>[0], kid = 'k'): JWK => ({
  ...publicJwkOf(createPublicKey(key)),
  kid
})
const ecWith = (more: object): JWK => ({ ...ec.publicJwk, ...more })

t.test('every algorithm of RFC 7518 and EdDSA verifies, with the key its alg names', async (t) => {
  const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']
  const keys = algorithms.map((alg) => makeKey(alg, alg))
  const fastify = await buildResourceServer(t, [trustIn(...keys)])
  for (const key of keys) await assertAccepted(t, fastify, signJwt(key), 'mobile', key.alg)
})

t.test('B19: one key has one algorithm: its alg, else the usual one of its kind', async (t) => {
  const { alg: _, ...unnamed } = rsa.publicJwk
  for (const [jwk, alg] of [
    [unnamed, 'RS256'],
    [{ ...unnamed, alg: 'PS384' }, 'PS384']
  ] as const) {
    const fastify = await buildResourceServer(t, [{ issuer: TENANT, audience: AUDIENCE, keys: [jwk] }])
    for (const other of ['RS256', 'RS512', 'PS256', 'PS384', 'ES256']) {
      if (other === 'ES256') {
        await assertInvalidToken(t, fastify, signJwt({ ...ec, kid: 'rsa' }), 'unsupported_algorithm', other)
        continue
      }
      const token = signJwt({ ...rsa, alg: other })
      if (other === alg) await assertAccepted(t, fastify, token, 'mobile', `${other} by ${alg}`)
      else await assertInvalidToken(t, fastify, token, 'unsupported_algorithm', `${other} by ${alg}`)
    }
  }
})

t.test('a key without kid verifies when it is the only one, and a token without kid too', async (t) => {
  const { kid: _, ...nameless } = ec.publicJwk
  const fastify = await buildResourceServer(t, [{ issuer: TENANT, audience: AUDIENCE, keys: [nameless] }])
  await assertAccepted(t, fastify, signJwt(ec, claimsOf(), { kid: undefined }), 'mobile', 'no kid on either side')
  for (const kid of ['ec', '', 'undefined', 5, null, false, [], ['ec'], {}]) {
    const token = signJwt(ec, claimsOf(), { kid })
    await assertInvalidToken(t, fastify, token, 'unknown_key', `the kid ${JSON.stringify(kid)}, which no key has`)
  }
  const named = await buildResourceServer(t, [trustIn(ec)])
  await assertAccepted(t, named, signJwt(ec, claimsOf(), { kid: undefined }), 'mobile', 'no kid, but one key')
})

t.test('B22: a key that may not verify is refused at registration, and the error says why', async (t) => {
  const weakRsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey
  const secp256k1 = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey
  const weak = 'it is too weak or too slow, or not of its alg'
  const unreadable = 'it cannot be read'
  const privateEc = { ...publicJwkOf(ec.privateKey), kid: 'k' }
  const wrong: [what: string, keys: JWK[], reason: string][] = [
    ['RSA-1024', [{ ...publicJwkOf(weakRsa), kid: 'k' }], `key 0: ${weak}`],
    ['RSA with e=1', [{ ...rsa.publicJwk, e: 'AQ' }], `key 0: ${weak}`],
    ['RSA with e=2', [{ ...rsa.publicJwk, e: 'Ag' }], `key 0: ${weak}`],
    ['RSA with an even e', [{ ...rsa.publicJwk, e: 'AQAA' }], `key 0: ${weak}`],
    ['RSA with an e of 33 bits', [{ ...rsa.publicJwk, e: 'AQAAAAE' }], `key 0: ${weak}`],
    ['RSA with 16384 bits', [{ kty: 'RSA', e: 'AQAB', n: `_${'A'.repeat(2730)}`, kid: 'k' }], `key 0: ${weak}`],
    [
      'more keys than an issuer has',
      Array.from({ length: 101 }, (_, n) => ecWith({ kid: `k${n}` })),
      'keys from 100 on: there are 101'
    ],
    ['secp256k1', [{ ...publicJwkOf(secp256k1), kid: 'k' }], `key 0: ${weak}`],
    ['X25519', [{ ...publicJwkOf(generateKeyPairSync('x25519').publicKey), kid: 'k' }], `key 0: ${weak}`],
    ['a curve of another alg', [ecWith({ alg: 'ES384' })], `key 0: ${weak}`],
    ['an alg of another kind', [ecWith({ alg: 'RS256' })], `key 0: ${weak}`],
    ['alg HS256 on a public key', [ecWith({ alg: 'HS256' })], `key 0: ${weak}`],
    ['a point that is not on the curve', [ecWith({ x: ec.publicJwk.y })], `key 0: ${unreadable}`],
    ['a crv that is not the point’s', [ecWith({ crv: 'P-384' })], `key 0: ${unreadable}`],
    ['an unknown kty', [{ kty: 'AKP', kid: 'k' }], `key 0: ${unreadable}`],
    ['no JWK at all', [null as unknown as JWK], 'key 0: the engine refuses it'],
    ['oct', [{ kty: 'oct', k: 'c2VjcmV0', kid: 'k' }], 'key 0: a symmetric key is not a public key'],
    ['a private key', [privateEc], 'key 0: a private key has been published'],
    ['use enc', [ecWith({ use: 'enc' })], 'key 0: its use is not sig'],
    ['a kid that is a number', [ecWith({ kid: 5 })], 'key 0: its kid is not a string'],
    ['a kid that is null', [ecWith({ kid: null })], 'key 0: its kid is not a string'],
    ['key_ops without verify', [ecWith({ key_ops: ['encrypt'] })], 'key 0: its key_ops lack verify'],
    [
      'one kid twice',
      [rsa.publicJwk, ecWith({ kid: 'rsa' })],
      'key 0: its kid is not unique; key 1: its kid is not unique'
    ],
    [
      'no kid among several',
      [rsa.publicJwk, publicJwk(ec.privateKey), { kty: 'EC' }],
      'key 2: it has no kid among several keys'
    ]
  ]
  for (const [what, keys, reason] of wrong) {
    await t.rejects(
      buildResourceServer(t, [{ issuer: TENANT, audience: AUDIENCE, keys }]),
      new TypeError(`trust[].keys of "${TENANT}": ${reason}`),
      what
    )
  }
})

t.test('what a key may say about itself and still verify', async (t) => {
  for (const more of [{ key_ops: ['verify'] }, { use: 'sig' }, { ext: true }, { alg: undefined }, { use: undefined }]) {
    const keys = [JSON.parse(JSON.stringify(ecWith(more))) as JWK]
    const fastify = await buildResourceServer(t, [{ issuer: TENANT, audience: AUDIENCE, keys }])
    await assertAccepted(t, fastify, signJwt(ec), 'mobile', JSON.stringify(more))
  }
})
