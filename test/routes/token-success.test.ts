import Fastify from 'fastify'
import { decodeProtectedHeader } from 'jose'
import t from 'tap'
import oauthTelemetry from '../../lib/index.ts'
import { CommandedStore } from '../support/commanded-store.ts'
import { scrape } from '../support/metrics.ts'
import { AUDIENCE, basic, buildServer, ISSUER, OPTIONS, postForm, refresh, stoppedClock } from '../support/server.ts'

const TOKEN = '/oauth/token'
const AUTHORIZATION = { authorization: basic('reports', 'reports-secret') }
const GRANT = { grant_type: 'client_credentials' }

t.test('T10: client_credentials gives no refresh token', async (t) => {
  const fastify = await buildServer(t, {
    clients: [{ id: 'both', secret: 's', grants: ['client_credentials', 'refresh_token'], scope: ['a'] }]
  })
  const response = await postForm(fastify, TOKEN, GRANT, { authorization: basic('both', 's') })
  t.same(Object.keys(response.json()).sort(), ['access_token', 'expires_in', 'scope', 'token_type'])
})

t.test('T20: success is 200, JSON, and not to be cached; errors are not to be cached either', async (t) => {
  const fastify = await buildServer(t)
  const success = await postForm(fastify, TOKEN, GRANT, AUTHORIZATION)
  t.equal(success.statusCode, 200)
  const refusals = [
    await postForm(fastify, TOKEN, '', AUTHORIZATION),
    await postForm(fastify, TOKEN, GRANT),
    await postForm(fastify, TOKEN, 'x'.repeat(20_000), AUTHORIZATION),
    await fastify.inject({ method: 'POST', url: TOKEN, payload: {} })
  ]
  t.same(
    refusals.map(({ statusCode }) => statusCode),
    [400, 401, 413, 400]
  )
  for (const { headers } of [success, ...refusals]) {
    t.equal(headers['content-type'], 'application/json; charset=utf-8')
    t.equal(headers['cache-control'], 'no-store')
    t.equal(headers.pragma, 'no-cache')
  }
})

t.test('T21: the answer has access_token, token_type Bearer, expires_in as a number, and the scope', async (t) => {
  const fastify = await buildServer(t, { accessTokenTtl: 120 })
  const { access_token: token, ...rest } = (await postForm(fastify, TOKEN, GRANT, AUTHORIZATION)).json()
  t.type(token, 'string')
  t.same(rest, { token_type: 'Bearer', expires_in: 120, scope: 'orders:read orders:write' })
  t.type(rest.expires_in, 'number')
  const narrowed = await postForm(fastify, TOKEN, { ...GRANT, scope: 'orders:write' }, AUTHORIZATION)
  t.equal(narrowed.json().scope, 'orders:write')
})

t.test('T21: a client without scope gets a token without scope, not an empty one', async (t) => {
  const fastify = await buildServer(t, {
    clients: [
      { id: 'bare', secret: 's', grants: ['client_credentials'] },
      { id: 'gateway', secret: 'g', introspect: true }
    ]
  })
  const answer = (await postForm(fastify, TOKEN, GRANT, { authorization: basic('bare', 's') })).json()
  t.notOk('scope' in answer)
  const { claims, scope } = await fastify.oauth.validate(answer.access_token)
  t.notOk('scope' in claims)
  t.same(scope, [])
  const introspected = await postForm(
    fastify,
    '/oauth/introspect',
    { token: answer.access_token },
    { authorization: basic('gateway', 'g') }
  )
  t.equal(introspected.json().active, true)
  t.notOk('scope' in introspected.json())
})

t.test('T22: the answer has nothing else in it, of a refresh neither', async (t) => {
  const fastify = await buildServer(t)
  const direct = await fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  const members = ['access_token', 'expires_in', 'refresh_token', 'scope', 'token_type']
  t.same(Object.keys(direct).sort(), members)
  t.same(Object.keys((await refresh(fastify, direct.refresh_token ?? '')).json()).sort(), members)
})

t.test('T24: a scope that is malformed, unknown or more than the client has is invalid_scope', async (t) => {
  const fastify = await buildServer(t)
  const refused = {
    malformed: [
      'orders:read  orders:write',
      ' orders:read',
      'orders:read ',
      '"orders:read"',
      'a\\b',
      'orders:read\t',
      'é'
    ],
    'exceeds what may be granted': ['unknown', 'orders:read admin', 'ORDERS:READ', '__proto__']
  }
  for (const [why, scopes] of Object.entries(refused)) {
    for (const scope of scopes) {
      const response = await postForm(fastify, TOKEN, { ...GRANT, scope }, AUTHORIZATION)
      t.equal(response.statusCode, 400)
      t.match(response.json(), { error: 'invalid_scope', error_description: new RegExp(`${why}\\.$`) }, scope)
    }
  }
  const twice = await postForm(fastify, TOKEN, { ...GRANT, scope: 'orders:read orders:read' }, AUTHORIZATION)
  t.equal(twice.json().scope, 'orders:read', 'a scope token that is named twice is granted once')
})

t.test('T38: the access token is a JWT of RFC 9068 with all its claims', async (t) => {
  const clock = stoppedClock(1_800_000_000.75)
  for (const signingAlg of ['RS256', 'ES256', 'EdDSA'] as const) {
    const fastify = await buildServer(t, { signingAlg, now: clock.now, accessTokenTtl: 600 })
    const { access_token: token } = (await postForm(fastify, TOKEN, GRANT, AUTHORIZATION)).json()
    t.match(decodeProtectedHeader(token), { typ: 'at+jwt', alg: signingAlg, kid: String })
    const { claims } = await fastify.oauth.validate(token)
    const { jti, ...rest } = claims
    t.match(jti, /^[0-9a-v]{8}[\w-]{22}$/)
    t.strictSame(
      { ...rest },
      {
        iss: ISSUER,
        sub: 'reports',
        aud: AUDIENCE,
        client_id: 'reports',
        scope: 'orders:read orders:write',
        iat: 1_800_000_000,
        exp: 1_800_000_600
      }
    )
  }
})

t.test('T38: RS256 is what a server signs with that was told nothing else', async (t) => {
  const { signingAlg: _, ...options } = OPTIONS
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  await fastify.register(oauthTelemetry, options)
  const { access_token: token } = (await postForm(fastify, TOKEN, GRANT, AUTHORIZATION)).json()
  t.equal(decodeProtectedHeader(token).alg, 'RS256')
})

t.test('T39: the resource parameter gives each resource its own audience', async (t) => {
  const audience = ['https://api.example', 'https://billing.example']
  const fastify = await buildServer(t, { audience, resource: audience })
  const post = (form: Record<string, string>) => postForm(fastify, TOKEN, { ...GRANT, ...form }, AUTHORIZATION)
  const audienceOf = async (form: Record<string, string>) =>
    (await fastify.oauth.validate((await post(form)).json().access_token)).claims.aud
  t.equal(await audienceOf({}), 'https://api.example', 'the first is the default')
  for (const resource of audience) t.equal(await audienceOf({ resource }), resource)
  for (const resource of ['https://other.example', 'https://api.example/', '*']) {
    const response = await post({ resource })
    t.equal(response.statusCode, 400)
    t.same(response.json(), {
      error: 'invalid_target',
      error_description: 'The requested resource is not known here.'
    })
  }
  const issued = await fastify.oauth.issue({ clientId: 'reports', audience: 'https://billing.example' })
  t.equal((await fastify.oauth.validate(issued.access_token)).claims.aud, 'https://billing.example')
  await t.rejects(fastify.oauth.issue({ clientId: 'reports', audience: 'x' }), { code: 'invalid_target' })
})

t.test(
  'T42: with the store down there is no token: 503 with Retry-After, and nothing is counted as issued',
  async (t) => {
    const store = new CommandedStore()
    const fastify = await buildServer(t, { store })
    const { refresh_token: token = '' } = await fastify.oauth.issue({
      clientId: 'web',
      subject: 'alice',
      refreshable: true
    })
    store.goDown()
    for (const response of [await postForm(fastify, TOKEN, GRANT, AUTHORIZATION), await refresh(fastify, token)]) {
      t.equal(response.statusCode, 503)
      t.equal(response.headers['retry-after'], '5')
      t.equal(response.headers['www-authenticate'], undefined)
      t.same(response.json(), {
        error: 'temporarily_unavailable',
        error_description: 'The service is temporarily unavailable.'
      })
    }
    await t.rejects(fastify.oauth.issue({ clientId: 'web' }), { code: 'temporarily_unavailable', status: 503 })
    store.comeBack()
    const samples = await scrape(fastify)
    const issued = (client: string, grant: string) =>
      samples.get(`oauth2_token_issued_total{oauth2_client_id="${client}",oauth2_grant_type="${grant}"}`)
    t.equal(issued('reports', 'client_credentials'), 0)
    t.equal(issued('web', 'refresh_token'), 0)
    t.equal(issued('web', 'direct'), 1)
    t.equal((await refresh(fastify, token)).statusCode, 200, 'nothing was spent')
  }
)
