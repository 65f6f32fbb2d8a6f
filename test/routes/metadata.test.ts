import Fastify from 'fastify'
import { createLocalJWKSet, jwtVerify } from 'jose'
import t from 'tap'
import oauthTelemetry from '../../lib/index.ts'
import { AUDIENCE, basic, buildServer, ISSUER, OPTIONS, postForm } from '../support/server.ts'

const GATEWAY = { authorization: basic('gateway', 'gateway-secret') }
const METADATA = '/.well-known/oauth-authorization-server'

t.test('the metadata tells what there is, and where', async (t) => {
  const fastify = await buildServer(t, { grants: { 'urn:example:login': async () => ({ subject: 'alice' }) } })
  const response = await fastify.inject(METADATA)
  t.equal(response.statusCode, 200)
  t.equal(response.headers['content-type'], 'application/json; charset=utf-8')
  t.equal(response.headers['cache-control'], 'public, max-age=60')
  t.strictSame(response.json(), {
    issuer: ISSUER,
    token_endpoint: `${ISSUER}/oauth/token`,
    revocation_endpoint: `${ISSUER}/oauth/revoke`,
    introspection_endpoint: `${ISSUER}/oauth/introspect`,
    jwks_uri: `${ISSUER}/oauth/jwks`,
    grant_types_supported: ['client_credentials', 'urn:example:login', 'refresh_token'],
    response_types_supported: [],
    scopes_supported: ['orders:read', 'orders:write'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
    revocation_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
    introspection_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post']
  })
})

t.test('what the metadata names is there', async (t) => {
  const fastify = await buildServer(t, { prefix: '/auth/v2' })
  const metadata = (await fastify.inject(METADATA)).json()
  for (const name of ['token_endpoint', 'revocation_endpoint', 'introspection_endpoint']) {
    const url = new URL(metadata[name]).pathname
    t.ok(url.startsWith('/auth/v2/'))
    t.equal((await postForm(fastify, url, { token: 'x' })).statusCode, 401, name)
  }
  t.equal((await fastify.inject(new URL(metadata.jwks_uri).pathname)).statusCode, 200)
})

t.test('the metadata of an issuer with a path is where RFC 8414 puts it', async (t) => {
  const fastify = await buildServer(t, { issuer: 'https://auth.example/tenant' })
  t.equal((await fastify.inject(METADATA)).statusCode, 404)
  const metadata = (await fastify.inject(`${METADATA}/tenant`)).json()
  t.equal(metadata.issuer, 'https://auth.example/tenant')
  t.equal(metadata.token_endpoint, 'https://auth.example/oauth/token')
})

t.test('RFC 8414 section 3.1: the slash that ends an issuer is not in the path of its metadata', async (t) => {
  for (const [issuer, path] of [
    ['https://auth.example/', METADATA],
    ['https://auth.example/tenant/', `${METADATA}/tenant`]
  ] as const) {
    const fastify = await buildServer(t, { issuer })
    t.equal((await fastify.inject(path)).json().issuer, issuer, 'but in its name')
    t.equal((await fastify.inject(`${path}/`)).statusCode, 404)
  }
})

t.test('the keys verify what is issued, and hold nothing private', async (t) => {
  for (const signingAlg of ['RS256', 'ES256', 'EdDSA'] as const) {
    const fastify = await buildServer(t, { signingAlg })
    const response = await fastify.inject('/oauth/jwks')
    t.equal(response.statusCode, 200)
    t.equal(response.headers['content-type'], 'application/jwk-set+json; charset=utf-8')
    t.equal(response.headers['cache-control'], 'public, max-age=60')
    const { keys } = response.json()
    t.equal(keys.length, 1)
    t.match(keys[0], { alg: signingAlg, use: 'sig', kid: String })
    for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) t.notOk(secret in keys[0], secret)
    const { access_token: token } = await fastify.oauth.issue({ clientId: 'reports' })
    const { payload } = await jwtVerify(token, createLocalJWKSet({ keys }), {
      issuer: ISSUER,
      audience: AUDIENCE,
      typ: 'at+jwt'
    })
    t.equal(payload.sub, 'reports')
  }
})

t.test('clients that are looked up one by one leave the scope out of the metadata', async (t) => {
  const fastify = await buildServer(t, { clients: async () => undefined })
  t.notOk('scopes_supported' in (await fastify.inject(METADATA)).json())
})

t.test('without the issuer role there are no endpoints', async (t) => {
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  const jwks = await buildServer(t)
  const { keys } = (await jwks.inject('/oauth/jwks')).json()
  await fastify.register(oauthTelemetry, { trust: [{ issuer: ISSUER, audience: AUDIENCE, keys }] })
  for (const url of ['/oauth/token', '/oauth/revoke', '/oauth/introspect']) {
    t.equal((await fastify.inject({ method: 'POST', url })).statusCode, 404, url)
  }
  for (const url of ['/oauth/jwks', METADATA]) t.equal((await fastify.inject(url)).statusCode, 404, url)
  await t.rejects(fastify.oauth.issue({ clientId: 'web' }), TypeError)
})

t.test('where a prefix moves the metadata away from where RFC 8414 puts it, a warning says so', async (t) => {
  const lines: string[] = []
  const fastify = Fastify({ logger: { level: 'warn', stream: { write: (line) => lines.push(line) } } })
  t.teardown(() => fastify.close())
  await fastify.register((scope) => scope.register(oauthTelemetry, OPTIONS), { prefix: '/one' })
  t.equal((await fastify.inject(`/one${METADATA}`)).statusCode, 200)
  t.strictSame(
    lines.map((line) => JSON.parse(line).msg),
    [
      `fastify-oauth-telemetry: clients look for the metadata at ${METADATA} (RFC 8414 section 3.1), and find it only at /one${METADATA}: register without a prefix, or send them there`
    ]
  )
})

t.test("the application's serializers are for its own routes", async (t) => {
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  fastify.setSerializerCompiler(() => {
    throw new Error('no schema of another kind')
  })
  await fastify.register(oauthTelemetry, OPTIONS)
  t.equal((await fastify.inject(METADATA)).json().issuer, ISSUER)
  const { access_token } = await fastify.oauth.issue({ clientId: 'reports' })
  const answer = await postForm(fastify, '/oauth/introspect', { token: access_token }, GATEWAY)
  t.match(answer.json(), { active: true, client_id: 'reports' })
})
