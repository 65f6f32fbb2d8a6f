import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { Response } from 'undici'
import { discoverJwksUri } from '../lib/jwt/discovery.ts'
import { claimsOf, makeKey, signJwt, TENANT } from './support/jwt.ts'
import { json, jwks, redirectTo, startKeyServer } from './support/key-server.ts'
import {
  assertAccepted,
  assertInvalidToken,
  assertUnavailable,
  buildResourceServer
} from './support/resource-server.ts'
import { AUDIENCE, buildServer } from './support/server.ts'

const key = makeKey('key-1')
const next = makeKey('key-2')
const METADATA = '/.well-known/oauth-authorization-server'
const OPENID = '/.well-known/openid-configuration'
const COOLDOWN = 30_000
const MAX_AGE = 600_000

t.test('discovery: whatever is wrong at the place of RFC 8414, that of OpenID Connect is asked', async (t) => {
  const elsewhere = await startKeyServer(t, { '/keys': jwks(next) })
  const jwksUri = `${elsewhere.url}/keys`
  const surprises: Record<string, (issuer: string) => RequestListener> = {
    'status 404': () => (_request, response) => response.writeHead(404).end(),
    'status 500': () => (_request, response) => response.writeHead(500).end(),
    'HTML with status 200': () => (_request, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html></html>'),
    'a redirect': () => redirectTo(`${elsewhere.url}/metadata`),
    'a broken connection': () => (request) => request.socket.destroy(),
    'metadata of another issuer': () => json({ issuer: TENANT, jwks_uri: jwksUri }),
    'metadata of no issuer': () => json({ jwks_uri: jwksUri }),
    'metadata without jwks_uri': (issuer) => json({ issuer }),
    null: () => json(null)
  }
  for (const [what, surprise] of Object.entries(surprises)) {
    const server = await startKeyServer(t, { '/keys': jwks(key) })
    const issuer = server.url
    server.routes.set(METADATA, surprise(issuer))
    server.routes.set(OPENID, json({ issuer, jwks_uri: `${issuer}/keys` }))
    const fastify = await buildResourceServer(t, [{ issuer, audience: AUDIENCE }])
    await assertAccepted(t, fastify, signJwt(key, claimsOf({ iss: issuer })), 'mobile', what)
    t.strictSame(server.requests, [METADATA, OPENID, '/keys'], what)
    t.strictSame(elsewhere.requests, [], `${what}: nobody else is asked`)
  }
})

t.test('discovery: metadata of another issuer is believed in neither place', async (t) => {
  const server = await startKeyServer(t, { '/keys': jwks(key) })
  const metadata = json({ issuer: TENANT, jwks_uri: `${server.url}/keys` })
  server.routes.set(METADATA, metadata)
  server.routes.set(OPENID, metadata)
  const fastify = await buildResourceServer(t, [{ issuer: server.url, audience: AUDIENCE }])
  await assertUnavailable(t, fastify, signJwt(key, claimsOf({ iss: server.url })), 'another issuer, twice')
  t.strictSame(server.requests, [METADATA, OPENID])
})

t.test('discovery: where our own metadata is, it is found, whatever slash ends the issuer', async (t) => {
  for (const path of ['', '/', '/tenant', '/tenant/']) {
    const listener = createServer()
    await once(listener.listen(0, '127.0.0.1'), 'listening')
    t.teardown(() => {
      listener.closeAllConnections()
      listener.close()
    })
    const issuer = `http://127.0.0.1:${(listener.address() as AddressInfo).port}${path}`
    const asked: (string | undefined)[] = []
    const issuing = await buildServer(t, { issuer })
    await issuing.ready()
    listener.on('request', (request, response) => {
      asked.push(request.url)
      issuing.routing(request, response)
    })
    const { access_token: token } = await issuing.oauth.issue({ clientId: 'reports', scope: ['orders:read'] })
    const fastify = await buildResourceServer(t, [{ issuer, audience: AUDIENCE }])
    await assertAccepted(t, fastify, token, 'reports', issuer)
    t.strictSame(asked, [`${METADATA}${path.replace(/\/$/, '')}`, '/oauth/jwks'], issuer)
  }
})

/** An issuer with metadata, and a server that trusts it; `advance` moves the clock by which keys age. */
async function startDiscovered(t: Test) {
  const server = await startKeyServer(t, { '/keys': jwks(key) })
  const issuer = server.url
  const metadataAt = (path: string) => server.routes.set(METADATA, json({ issuer, jwks_uri: issuer + path }))
  metadataAt('/keys')
  const { iat } = claimsOf()
  const fastify = await buildResourceServer(t, [{ issuer, audience: AUDIENCE }], { now: () => iat })
  const { now } = Date
  let ahead = 0
  t.intercept(Date, 'now', { value: () => now() + ahead, writable: true, configurable: true })
  const advance = (milliseconds: number) => {
    ahead += milliseconds
  }
  const signed = (by: typeof key, more = {}) => signJwt(by, claimsOf({ iss: issuer, ...more }, iat))
  return { server, fastify, metadataAt, advance, signed }
}

t.test('discovery: a jwks_uri that moved is found after the fetch that failed', async (t) => {
  const { server, fastify, metadataAt, advance, signed } = await startDiscovered(t)
  await assertAccepted(t, fastify, signed(key), 'mobile', 'before')
  t.strictSame(server.requests.splice(0), [METADATA, '/keys'])

  server.routes.delete('/keys')
  server.routes.set('/moved', jwks(next))
  metadataAt('/moved')
  advance(MAX_AGE)
  await assertUnavailable(t, fastify, signed(next), 'where it was')
  t.strictSame(server.requests.splice(0), ['/keys'], 'while it works, it is not looked for')
  advance(COOLDOWN)
  await assertAccepted(t, fastify, signed(next), 'mobile', 'where it is')
  await assertInvalidToken(t, fastify, signed(key), 'unknown_key', 'the key that did not move with it')
  t.strictSame(server.requests.splice(0), [METADATA, '/moved'])
})

t.test('discovery: while it is looked for again, the keys that are known count up to their age', async (t) => {
  const { server, fastify, advance, signed } = await startDiscovered(t)
  await assertAccepted(t, fastify, signed(key), 'mobile', 'before')
  server.routes.clear()
  advance(COOLDOWN)
  await assertInvalidToken(t, fastify, signed(next), 'unknown_key', 'a kid that makes a fetch fail')
  advance(COOLDOWN)
  await assertInvalidToken(t, fastify, signed(next), 'unknown_key', 'a kid that makes discovery fail')
  t.strictSame(server.requests.splice(0), [METADATA, '/keys', '/keys', METADATA, OPENID])
  advance(MAX_AGE - 2 * COOLDOWN - 1000)
  await assertAccepted(t, fastify, signed(key), 'mobile', 'a second before their age, remembered')
  await assertAccepted(t, fastify, signed(key, { jti: 'token-2' }), 'mobile', 'and never seen before')
  advance(1000)
  await assertUnavailable(t, fastify, signed(key), 'at that age')
})

t.test(
  'A16: an https issuer cannot send the fetch of its keys to plain http, on this machine or another',
  async (t) => {
    const issuer = 'https://tenant.example'
    for (const uri of ['http://127.0.0.1:1/admin', 'http://localhost/admin', 'http://tenant.example/keys']) {
      const fetch = async () => new Response(JSON.stringify({ issuer, jwks_uri: uri }))
      await t.rejects(discoverJwksUri(issuer, fetch, 1000), { message: 'the jwks_uri is not https' }, uri)
    }
  }
)
