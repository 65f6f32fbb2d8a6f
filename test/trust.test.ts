import t from 'tap'
import type { TrustedIssuer } from '../lib/index.ts'
import { claimsOf, makeKey, signJwt, TENANT } from './support/jwt.ts'
import { json, jwks, startKeyServer } from './support/key-server.ts'
import { scrape } from './support/metrics.ts'
import { assertAccepted, assertInvalidToken, buildResourceServer, trustIn } from './support/resource-server.ts'
import { AUDIENCE } from './support/server.ts'

const key = makeKey('key-1')
const METADATA = '/.well-known/oauth-authorization-server'
const OPENID = '/.well-known/openid-configuration'

t.test('trust alone: no token endpoints, no JWKS, no metadata, and the issuer verbs say so', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  for (const url of ['/oauth/token', '/oauth/revoke', '/oauth/introspect']) {
    t.equal((await fastify.inject({ method: 'POST', url })).statusCode, 404, url)
  }
  for (const url of ['/oauth/jwks', METADATA]) t.equal((await fastify.inject({ url })).statusCode, 404, url)
  const noIssuer = new TypeError('this server does not issue tokens: register it with the clients option')
  await t.rejects(fastify.oauth.issue({ clientId: 'x' }), noIssuer)
  await t.rejects(fastify.oauth.revoke({ token: 'x', reason: 'logout', by: 'user' }), noIssuer)
  await t.rejects(fastify.oauth.revokeAll({ subject: 'x', reason: 'logout', by: 'user' }), noIssuer)
})

t.test('keys: what is given is used, and nothing is fetched', async (t) => {
  const server = await startKeyServer(t)
  const trust = [{ issuer: server.url, audience: AUDIENCE, keys: [key.publicJwk] }]
  const fastify = await buildResourceServer(t, trust)
  const claims = claimsOf({ iss: server.url })
  await assertAccepted(t, fastify, signJwt(key, claims), 'mobile', 'the key')
  await assertInvalidToken(t, fastify, signJwt(key, claims, { kid: 'x' }), 'unknown_key', 'another kid')
  t.strictSame(server.requests, [])
})

t.test('jwksUri: the keys are fetched at the first token, once', async (t) => {
  const server = await startKeyServer(t, { '/keys': jwks(key) })
  const trust = [{ issuer: TENANT, audience: AUDIENCE, jwksUri: `${server.url}/keys` }]
  const fastify = await buildResourceServer(t, trust)
  t.strictSame(server.requests, [], 'nothing at registration')
  await assertAccepted(t, fastify, signJwt(key), 'mobile', 'first')
  await assertAccepted(t, fastify, signJwt(key, claimsOf({ jti: 'token-2' })), 'mobile', 'second')
  t.strictSame(server.requests, ['/keys'])
  t.equal((await scrape(fastify)).get(fetched(TENANT, 'success')), 1)
})

t.test('discovery: RFC 8414 first, then OpenID Connect, with and without a path in the issuer', async (t) => {
  const cases: [issuerPath: string, metadataPath: string, asked: string[]][] = [
    ['', METADATA, [METADATA]],
    ['/', METADATA, [METADATA]],
    ['/tenant', `${METADATA}/tenant`, [`${METADATA}/tenant`]],
    ['/tenant/', `${METADATA}/tenant`, [`${METADATA}/tenant`]],
    ['', OPENID, [METADATA, OPENID]],
    ['/tenant', `/tenant${OPENID}`, [`${METADATA}/tenant`, `/tenant${OPENID}`]],
    ['/tenant/', `/tenant${OPENID}`, [`${METADATA}/tenant`, `/tenant${OPENID}`]]
  ]
  for (const [issuerPath, metadataPath, asked] of cases) {
    const server = await startKeyServer(t, { '/keys': jwks(key) })
    const issuer = `${server.url}${issuerPath}`
    server.routes.set(metadataPath, json({ issuer, jwks_uri: `${server.url}/keys` }))
    const fastify = await buildResourceServer(t, [{ issuer, audience: AUDIENCE }])
    const what = `${issuerPath || 'no path'} by ${metadataPath}`
    await assertAccepted(t, fastify, signJwt(key, claimsOf({ iss: issuer })), 'mobile', what)
    t.strictSame(server.requests, [...asked, '/keys'], what)
    t.equal((await scrape(fastify)).get(fetched(issuer, 'success')), 1, what)
  }
})

t.test('B22: keys of a fetched JWKS that may not verify are left out, the others are used', async (t) => {
  const twin = makeKey('twin')
  const secret = { kty: 'oct', k: Buffer.from('secret').toString('base64url'), kid: 'secret', alg: 'HS256' }
  const encryption = { ...makeKey('enc').publicJwk, use: 'enc' }
  const keys = [key.publicJwk, secret, encryption, twin.publicJwk, makeKey('twin').publicJwk]
  const server = await startKeyServer(t, { '/keys': json({ keys }) })
  const trust = [{ issuer: TENANT, audience: AUDIENCE, jwksUri: `${server.url}/keys` }]
  const fastify = await buildResourceServer(t, trust)
  await assertAccepted(t, fastify, signJwt(key), 'mobile', 'the good key')
  for (const kid of ['secret', 'enc', 'twin']) {
    await assertInvalidToken(t, fastify, signJwt(twin, claimsOf(), { kid }), 'unknown_key', kid)
  }
})

t.test('B28: key servers must be https, or loopback, and wrong trust is refused at registration', async (t) => {
  const audience = AUDIENCE
  const mustBeHttps = /must be https, or http on loopback/
  const wrong: [what: string, trust: unknown, RegExp][] = [
    ['http issuer', [{ issuer: 'http://tenant.example', audience }], mustBeHttps],
    ['http jwksUri', [{ issuer: TENANT, audience, jwksUri: 'http://tenant.example/keys' }], mustBeHttps],
    ['file jwksUri', [{ issuer: TENANT, audience, jwksUri: 'file:///keys.json' }], mustBeHttps],
    ['data jwksUri', [{ issuer: TENANT, audience, jwksUri: 'data:,{"keys":[]}' }], mustBeHttps],
    ['almost loopback', [{ issuer: 'http://127.0.0.1.example', audience }], mustBeHttps],
    ['jwksUri that is no URL', [{ issuer: TENANT, audience, jwksUri: 'keys' }], mustBeHttps],
    ['no issuer', [{ audience }], /^trust\[\]\.issuer must be/],
    ['issuer with query', [{ issuer: `${TENANT}?a`, audience }], /^trust\[\]\.issuer must be/],
    ['issuer with fragment', [{ issuer: `${TENANT}#a`, audience }], /^trust\[\]\.issuer must be/],
    ['no audience', [{ issuer: TENANT }], /^trust\[\]\.audience must be/],
    ['empty audience', [{ issuer: TENANT, audience: '' }], /^trust\[\]\.audience must be/],
    ['no audiences', [{ issuer: TENANT, audience: [] }], /^trust\[\]\.audience must be/],
    ['an empty one', [{ issuer: TENANT, audience: [AUDIENCE, ''] }], /^trust\[\]\.audience must be/],
    ['an audience by pattern', [{ issuer: TENANT, audience: /.*/ }], /^trust\[\]\.audience must be/],
    ['no keys', [{ issuer: TENANT, audience, keys: [] }], /^trust\[\]\.keys must hold/],
    ['both', [{ ...trustIn(key), jwksUri: `${TENANT}/keys` }], /^trust\[\] takes keys or jwksUri, not both$/],
    ['a profile', [{ ...trustIn(key), profile: 'oidc' }], /^trust\[\]\.profile must be/],
    ['one issuer twice', [trustIn(key), trustIn(key)], /^trust\[\]\.issuer ".*" appears twice$/],
    ['nobody', [], /^trust must be an array/]
  ]
  for (const [what, trust, message] of wrong) {
    const build = buildResourceServer(t, trust as TrustedIssuer[])
    await t.rejects(build, { name: 'TypeError', message }, what)
  }
  await buildResourceServer(t, [{ ...trustIn(key), issuer: 'http://tenant.example' }])
  t.pass('with keys nothing is fetched, so the issuer is only a name')
})

function fetched(issuer: string, outcome: string): string {
  return `oauth2_keys_fetched_total{oauth2_issuer="${issuer}",oauth2_outcome="${outcome}"}`
}
