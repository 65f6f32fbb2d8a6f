import type { RequestListener } from 'node:http'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { claimsOf, makeKey, signJwt, TENANT } from './support/jwt.ts'
import { json, jwks, type KeyServer, redirectTo, startKeyServer } from './support/key-server.ts'
import { scrape } from './support/metrics.ts'
import { assertUnavailable, buildResourceServer, call } from './support/resource-server.ts'
import { AUDIENCE } from './support/server.ts'

const key = makeKey('key-1')
const METADATA = '/.well-known/oauth-authorization-server'
const OPENID = '/.well-known/openid-configuration'

async function assertFailedOnce(t: Test, fastify: Parameters<typeof scrape>[0], issuer: string, what: string) {
  const sample = (outcome: string) => `oauth2_keys_fetched_total{oauth2_issuer="${issuer}",oauth2_outcome="${outcome}"}`
  const samples = await scrape(fastify)
  t.equal(samples.get(sample('failure')), 1, `${what}: one failure`)
  t.notOk(samples.get(sample('success')), `${what}: no success`)
}

/** The tenant's keys are where this answer is; its token cannot be checked, and nothing else is asked. */
async function refusesJwks(t: Test, what: string, answer: RequestListener, prepare = (_server: KeyServer) => {}) {
  const server = await startKeyServer(t, { '/keys': answer })
  prepare(server)
  const fastify = await buildResourceServer(t, [{ issuer: TENANT, audience: AUDIENCE, jwksUri: `${server.url}/keys` }])
  await assertUnavailable(t, fastify, signJwt(key), what)
  t.strictSame(server.requests, ['/keys'], `${what}: one request`)
  await assertFailedOnce(t, fastify, TENANT, what)
}

t.test('B28: a JWKS that redirects is refused, and the target is not asked', async (t) => {
  for (const status of [301, 302, 303, 307, 308]) {
    const answer: RequestListener = (_request, response) => {
      response.writeHead(status, { location: '/moved' }).end()
    }
    await refusesJwks(t, String(status), answer, ({ routes }) => routes.set('/moved', jwks(key)))
  }
})

t.test('a JWKS that is none is refused', async (t) => {
  const answers: Record<string, RequestListener> = {
    'status 500': (_request, response) => response.writeHead(500).end(),
    'status 204': (_request, response) => response.writeHead(204).end(),
    'status 401 with keys in it': (_request, response) =>
      response.writeHead(401).end(JSON.stringify({ keys: [key.publicJwk] })),
    HTML: (_request, response) => response.end('<html></html>'),
    'an empty body': (_request, response) => response.end(),
    'half of it': (_request, response) => response.end('{"keys":[{"kty":'),
    null: json(null),
    'an array': json([key.publicJwk]),
    'no keys': json({}),
    'keys that are none': json({ keys: [null, 1] }),
    'a broken connection': (request) => request.socket.destroy()
  }
  for (const [what, answer] of Object.entries(answers)) await refusesJwks(t, what, answer)
})

t.test('B28: a JWKS is bounded in size, compressed or not', async (t) => {
  const padded = (bytes: number) => JSON.stringify({ keys: [key.publicJwk], pad: 'x'.repeat(bytes) })
  const large = padded(512 * 1024)
  await refusesJwks(t, 'half a megabyte', (_request, response) => response.end(large))
  const bomb = gzipSync(padded(50 * 1024 * 1024))
  t.ok(bomb.length < 512 * 1024, 'the bomb is small on the wire')
  await refusesJwks(t, 'a gzip bomb', (_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb)
  })

  const server = await startKeyServer(t, { '/keys': (_request, response) => response.end(padded(500 * 1024)) })
  const fastify = await buildResourceServer(t, [{ issuer: TENANT, audience: AUDIENCE, jwksUri: `${server.url}/keys` }])
  t.equal((await call(fastify, `Bearer ${signJwt(key)}`)).statusCode, 200, 'a little less is read')
})

t.test('B28: an endless JWKS is left as soon as it is too large', async (t) => {
  let sent = 0
  const endless: RequestListener = (_request, response) => {
    const chunk = 'x'.repeat(64 * 1024)
    const more = () => {
      while (!response.destroyed && response.write(chunk)) sent += chunk.length
    }
    response.on('drain', more)
    more()
  }
  const started = Date.now()
  await refusesJwks(t, 'endless', endless)
  t.ok(Date.now() - started < 3000, 'long before the timeout')
  t.ok(sent < 64 * 1024 * 1024, `${sent} bytes were sent`)
})

t.test('B28: a key server that hangs, or drips, is given five seconds', async (t) => {
  const hang: RequestListener = () => {}
  const drip: RequestListener = (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    const timer = setInterval(() => response.write(' '), 100)
    response.on('close', () => clearInterval(timer))
  }
  const started = Date.now()
  await Promise.all([refusesJwks(t, 'hangs', hang), refusesJwks(t, 'drips', drip), metadataHangs(t, hang)])
  const took = Date.now() - started
  t.ok(took >= 4900 && took < 6000, `${took} ms`)
})

async function metadataHangs(t: Test, hang: RequestListener) {
  const server = await startKeyServer(t, { [METADATA]: hang })
  const fastify = await buildResourceServer(t, [{ issuer: server.url, audience: AUDIENCE }])
  await assertUnavailable(t, fastify, signJwt(key, claimsOf({ iss: server.url })), 'metadata hangs')
  await assertFailedOnce(t, fastify, server.url, 'metadata hangs')
}

t.test('A16: metadata that cannot be believed is refused, and no keys are fetched by it', async (t) => {
  const elsewhere = await startKeyServer(t, { '/keys': jwks(key) })
  type Answer = (issuer: string) => RequestListener
  const jwksUri = `${elsewhere.url}/keys`
  const answers: Record<string, Answer> = {
    'of another issuer': () => json({ issuer: TENANT, jwks_uri: jwksUri }),
    'of nearly this issuer': (issuer) => json({ issuer: `${issuer}/`, jwks_uri: jwksUri }),
    'of no issuer': () => json({ jwks_uri: jwksUri }),
    'of issuers': (issuer) => json({ issuer: [issuer], jwks_uri: jwksUri }),
    'without jwks_uri': (issuer) => json({ issuer }),
    'with a jwks_uri that is a list': (issuer) => json({ issuer, jwks_uri: [jwksUri] }),
    'with a jwks_uri that is no URL': (issuer) => json({ issuer, jwks_uri: '/keys' }),
    'with a jwks_uri over http': (issuer) => json({ issuer, jwks_uri: 'http://192.0.2.1/keys' }),
    'with a jwks_uri of a file': (issuer) => json({ issuer, jwks_uri: 'file:///etc/passwd' }),
    null: () => json(null),
    'that is HTML': () => (_request, response) => response.end('<html></html>'),
    'that redirects': () => redirectTo(`${elsewhere.url}/metadata`)
  }
  for (const [what, answer] of Object.entries(answers)) {
    const server = await startKeyServer(t)
    server.routes.set(METADATA, answer(server.url))
    elsewhere.routes.set('/metadata', json({ issuer: server.url, jwks_uri: jwksUri }))
    const fastify = await buildResourceServer(t, [{ issuer: server.url, audience: AUDIENCE }])
    await assertUnavailable(t, fastify, signJwt(key, claimsOf({ iss: server.url })), what)
    t.strictSame(elsewhere.requests, [], `${what}: nobody else is asked`)
    await assertFailedOnce(t, fastify, server.url, what)
  }
})

t.test('an issuer without metadata: both places are asked, then 503', async (t) => {
  const server = await startKeyServer(t)
  const fastify = await buildResourceServer(t, [{ issuer: server.url, audience: AUDIENCE }])
  await assertUnavailable(t, fastify, signJwt(key, claimsOf({ iss: server.url })), 'no metadata')
  t.strictSame(server.requests, [METADATA, OPENID])
})

t.test('a key server that is not there: 503', async (t) => {
  let url = ''
  await t.test('a port that was free a moment ago', async (t) => {
    url = (await startKeyServer(t)).url
  })
  const fastify = await buildResourceServer(t, [{ issuer: TENANT, audience: AUDIENCE, jwksUri: `${url}/keys` }])
  await assertUnavailable(t, fastify, signJwt(key), 'nobody listens')
})
