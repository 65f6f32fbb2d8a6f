import t from 'tap'
import { claimsOf, makeKey, signJwt, TENANT } from '../support/jwt.ts'
import {
  assertAccepted,
  assertInvalidToken,
  buildResourceServer,
  call,
  trustIn,
  validatedSample,
  validationsDuring
} from '../support/resource-server.ts'
import { AUDIENCE, buildServer, callOrders, ISSUER } from '../support/server.ts'

const OTHER = 'https://other.example'

t.test('B27: a token of one issuer with the kid, or the key, of another is refused', async (t) => {
  const [a, b] = [makeKey('a'), makeKey('b')]
  const trust = [trustIn(a), { ...trustIn(b), issuer: OTHER }]
  const fastify = await buildResourceServer(t, trust)
  await assertAccepted(t, fastify, signJwt(a), 'mobile', 'the first issuer')
  await assertAccepted(t, fastify, signJwt(b, claimsOf({ iss: OTHER })), 'mobile', 'the second issuer')
  await assertInvalidToken(t, fastify, signJwt(b), 'unknown_key', 'iss of the first, key of the second')
  await assertInvalidToken(t, fastify, signJwt(a, claimsOf({ iss: OTHER })), 'unknown_key', 'and the reverse')
  await assertInvalidToken(
    t,
    fastify,
    signJwt(b, claimsOf(), { kid: 'a' }),
    'bad_signature',
    'under the kid of the first'
  )
})

t.test('B27: issuers that use the same kid are not mixed up, nor is what has been remembered', async (t) => {
  const [a, b] = [makeKey('same'), makeKey('same')]
  const fastify = await buildResourceServer(t, [trustIn(a), { ...trustIn(b), issuer: OTHER }])
  const [ofA, ofB, mixed] = [signJwt(a), signJwt(b, claimsOf({ iss: OTHER })), signJwt(b)]
  for (const round of ['first seen', 'seen before']) {
    await assertAccepted(t, fastify, ofA, 'mobile', round)
    await assertAccepted(t, fastify, ofB, 'mobile', round)
    await assertInvalidToken(t, fastify, mixed, 'bad_signature', round)
  }
})

t.test('each issuer has its own audience', async (t) => {
  const [a, b] = [makeKey('a'), makeKey('b')]
  const trust = [
    { ...trustIn(a), audience: ['urn:one', 'urn:two'] },
    { ...trustIn(b), issuer: OTHER, audience: 'urn:three' }
  ]
  const fastify = await buildResourceServer(t, trust)
  await assertAccepted(t, fastify, signJwt(a, claimsOf({ aud: 'urn:two' })), 'mobile', 'one of two')
  await assertInvalidToken(
    t,
    fastify,
    signJwt(a, claimsOf({ aud: 'urn:three' })),
    'wrong_audience',
    'of the other',
    'mobile'
  )
})

t.test('own and foreign issuers live side by side, and neither passes for the other', async (t) => {
  const key = makeKey('key-1')
  const fastify = await buildServer(t, { trust: [trustIn(key)] })
  const { access_token: own } = await fastify.oauth.issue({ clientId: 'reports', scope: ['orders:read'] })
  await assertAccepted(t, fastify, own, 'reports', 'own')
  await assertAccepted(t, fastify, signJwt(key), 'mobile', 'foreign')
  const pretended = signJwt(key, claimsOf({ iss: ISSUER }))
  await assertInvalidToken(t, fastify, pretended, 'unknown_key', 'iss of ours, key of theirs')
  const { jti } = (await fastify.oauth.validate(own)).claims
  await assertAccepted(t, fastify, signJwt(key, claimsOf({ jti })), 'mobile', 'our jti on their token')
  await fastify.oauth.revoke({ token: own, reason: 'logout', by: 'user' })
  await assertAccepted(t, fastify, signJwt(key, claimsOf({ jti })), 'mobile', 'is not revoked with ours')
})

t.test('this server cannot be trusted as a foreign issuer of itself', async (t) => {
  const trust = [{ ...trustIn(makeKey('k')), issuer: ISSUER }]
  await t.rejects(buildServer(t, { trust }), {
    name: 'TypeError',
    message: /^trust\[\]\.issuer must not be this server/
  })
})

t.test('B07: a revoked token is 401 invalid_token, also when it has been accepted before', async (t) => {
  const fastify = await buildServer(t)
  const { access_token: token } = await fastify.oauth.issue({ clientId: 'reports' })
  await assertAccepted(t, fastify, token, 'reports', 'before')
  await fastify.oauth.revoke({ token, reason: 'logout', by: 'user' })
  await assertInvalidToken(t, fastify, token, 'revoked', 'after', 'reports')
  await assertInvalidToken(t, fastify, token, 'revoked', 'and again', 'reports')
})

t.test('B25: the same token written with other base64 bits is revoked too', async (t) => {
  const fastify = await buildServer(t, { signingAlg: 'EdDSA' })
  const { access_token: token } = await fastify.oauth.issue({ clientId: 'reports' })
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = alphabet.indexOf(token.slice(-1))
  // 64 bytes of signature leave four unused bits in the last character.
  const twins = Array.from({ length: 15 }, (_, n) => token.slice(0, -1) + alphabet[(last & 0b110000) + n + 1])
  for (const twin of twins) {
    t.not(twin, token)
    t.equal((await callOrders(fastify, twin)).statusCode, 200, 'its signature is good')
  }
  await fastify.oauth.revoke({ token, reason: 'logout', by: 'user' })
  for (const twin of [token, ...twins]) await assertInvalidToken(t, fastify, twin, 'revoked', twin.slice(-1), 'reports')
})

t.test('a token of ours that the store does not know is refused', async (t) => {
  const { privateKey } = makeKey('', 'ES256')
  const [one, two] = [
    await buildServer(t, { signingKeys: [privateKey] }),
    await buildServer(t, { signingKeys: [privateKey] })
  ]
  const { access_token: token } = await one.oauth.issue({ clientId: 'reports' })
  await assertAccepted(t, one, token, 'reports', 'where it was issued')
  await assertInvalidToken(t, two, token, 'revoked', 'where the store has lost it', 'reports')
})

t.test('profile jwt: any typ, and only iss, exp and aud must be there', async (t) => {
  const key = makeKey('key-1')
  const fastify = await buildResourceServer(t, [{ ...trustIn(key), profile: 'jwt' }])
  const claims = { iss: TENANT, aud: AUDIENCE, exp: claimsOf().exp, scope: 'orders:read' }
  for (const typ of ['JWT', undefined, 'at+jwt']) {
    await assertAccepted(t, fastify, signJwt(key, { ...claims, azp: 'spa' }, { typ }), 'spa', `typ ${typ}, azp`)
  }
  const { result, added } = await validationsDuring(fastify, () => call(fastify, `Bearer ${signJwt(key, claims)}`))
  t.equal(result.statusCode, 200, 'nobody named as client')
  t.strictSame(added, { [validatedSample(undefined)]: 1 })
  for (const name of ['exp', 'aud']) {
    const without = signJwt(key, { ...claims, [name]: undefined })
    await assertInvalidToken(t, fastify, without, 'missing_claim', `no ${name}`)
  }
  const expired = signJwt(key, { ...claims, exp: claims.exp - 3600 })
  await assertInvalidToken(t, fastify, expired, 'expired', 'an hour old')
})
