import type { FastifyInstance } from 'fastify'
import { decodeJwt } from 'jose'
import t from 'tap'
import { CommandedStore } from '../support/commanded-store.ts'
import { AUDIENCE, basic, buildServer, ISSUER, OPTIONS, postForm, stoppedClock } from '../support/server.ts'

const INTROSPECT = '/oauth/introspect'
const GATEWAY = { authorization: basic('gateway', 'gateway-secret') }

const introspect = (fastify: FastifyInstance, token: string, more: Record<string, string> = {}, headers = GATEWAY) =>
  postForm(fastify, INTROSPECT, { token, ...more }, headers)

async function login(fastify: FastifyInstance) {
  const { access_token: access, refresh_token: token = '' } = await fastify.oauth.issue({
    clientId: 'web',
    subject: 'alice',
    refreshable: true
  })
  return { access, token }
}

t.test('I01: only POST of a form; GET is refused', async (t) => {
  const fastify = await buildServer(t)
  const { access } = await login(fastify)
  const got = await fastify.inject({ url: `${INTROSPECT}?token=${access}`, headers: GATEWAY })
  t.equal(got.statusCode, 405)
  const json = await fastify.inject({ method: 'POST', url: INTROSPECT, headers: GATEWAY, payload: { token: access } })
  t.equal(json.statusCode, 400)
  t.equal(json.json().error, 'invalid_request')
  t.equal((await postForm(fastify, `${INTROSPECT}?token=${access}`, '', GATEWAY)).statusCode, 400, 'nor the query')
})

t.test('I02: who does not authenticate is 401, with the challenge of the scheme', async (t) => {
  const fastify = await buildServer(t)
  const { access } = await login(fastify)
  const attempts = [
    await postForm(fastify, INTROSPECT, { token: access }),
    await postForm(fastify, INTROSPECT, { token: access, client_id: 'gateway' }),
    await introspect(fastify, access, {}, { authorization: basic('gateway', 'wrong') }),
    await introspect(fastify, access, {}, { authorization: `Bearer ${access}` })
  ]
  for (const response of attempts) {
    t.equal(response.statusCode, 401)
    t.equal(response.headers['www-authenticate'], 'Basic realm="oauth"')
    t.same(response.json(), { error: 'invalid_client', error_description: 'Client authentication failed.' })
  }
})

t.test('I03: a client that may not introspect is 403, public clients always', async (t) => {
  const clients = [...OPTIONS.clients, { id: 'open', introspect: true }]
  const fastify = await buildServer(t, { clients })
  const { access } = await login(fastify)
  const refused = {
    error: 'unauthorized_client',
    error_description: 'The client may not introspect tokens.'
  }
  const reports = { authorization: basic('reports', 'reports-secret') }
  for (const response of [
    await introspect(fastify, access, {}, reports),
    await postForm(fastify, INTROSPECT, { token: access, client_id: 'web' }),
    await postForm(fastify, INTROSPECT, { token: access, client_id: 'open' })
  ]) {
    t.equal(response.statusCode, 403)
    t.same(response.json(), refused)
  }
})

t.test('I04: a live token is described', async (t) => {
  const clock = stoppedClock(1_800_000_000.5)
  const fastify = await buildServer(t, { now: clock.now, accessTokenTtl: 60, refreshToken: { idleTtl: 90 } })
  const { access, token } = await login(fastify)
  const common = {
    active: true,
    scope: 'orders:read orders:write',
    client_id: 'web',
    iat: 1_800_000_000,
    sub: 'alice',
    aud: AUDIENCE,
    iss: ISSUER
  }
  const response = await introspect(fastify, access)
  t.equal(response.statusCode, 200)
  t.equal(response.headers['content-type'], 'application/json; charset=utf-8')
  const { jti } = decodeJwt(access)
  t.strictSame(response.json(), { ...common, token_type: 'Bearer', exp: 1_800_000_060, jti })
  t.strictSame((await introspect(fastify, token)).json(), { ...common, exp: 1_800_000_090 })
  const own = await fastify.oauth.issue({ clientId: 'reports' })
  t.match((await introspect(fastify, own.access_token)).json(), { sub: 'reports', client_id: 'reports' })
})

t.test('I07: a wrong or unknown token_type_hint changes nothing', async (t) => {
  const fastify = await buildServer(t)
  const { access, token } = await login(fastify)
  for (const hint of ['access_token', 'refresh_token', 'saml', '__proto__']) {
    for (const each of [access, token]) {
      t.equal((await introspect(fastify, each, { token_type_hint: hint })).json().active, true, hint)
    }
  }
})

t.test('I08: a missing token is invalid_request', async (t) => {
  const fastify = await buildServer(t)
  for (const form of ['', 'token=', 'token_type_hint=access_token']) {
    const response = await postForm(fastify, INTROSPECT, form, GATEWAY)
    t.equal(response.statusCode, 400)
    t.same(response.json(), { error: 'invalid_request', error_description: 'The token parameter is missing.' })
  }
})

t.test('I09: guessing the way in is limited', async (t) => {
  const fastify = await buildServer(t, { failedAttempts: { max: 2, window: 60 } })
  const guess = () => introspect(fastify, 'x', {}, { authorization: basic('gateway', 'guess') })
  t.same(
    [await guess(), await guess(), await guess()].map(({ statusCode }) => statusCode),
    [401, 401, 429]
  )
  const limited = await introspect(fastify, 'x')
  t.equal(limited.statusCode, 429)
  t.match(limited.headers['retry-after'], /^(59|60)$/)
})

t.test('I10: no answer is to be cached', async (t) => {
  const fastify = await buildServer(t)
  const { access } = await login(fastify)
  for (const response of [
    await introspect(fastify, access),
    await introspect(fastify, 'x'),
    await postForm(fastify, INTROSPECT, { token: access })
  ]) {
    t.equal(response.headers['cache-control'], 'no-store')
    t.equal(response.headers.pragma, 'no-cache')
  }
})

t.test('I11: no answer outlives the token, asked however often before', async (t) => {
  const clock = stoppedClock()
  const fastify = await buildServer(t, { now: clock.now, accessTokenTtl: 60, refreshToken: { idleTtl: 60 } })
  const { access, token } = await login(fastify)
  for (const [seconds, active] of [
    [0, true],
    [59.9, true],
    [0.1, false]
  ] as const) {
    clock.advance(seconds)
    for (const each of [access, token]) t.equal((await introspect(fastify, each)).json().active, active)
  }
})

t.test('I12: with the store down it is 503 with Retry-After, for live and for unknown tokens', async (t) => {
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store })
  const { access, token } = await login(fastify)
  t.equal((await introspect(fastify, access)).json().active, true)
  store.goDown()
  for (const each of [access, token, 'unknown']) {
    const response = await introspect(fastify, each)
    t.equal(response.statusCode, 503)
    t.equal(response.headers['retry-after'], '5')
    t.same(response.json(), {
      error: 'temporarily_unavailable',
      error_description: 'The service is temporarily unavailable.'
    })
  }
})
