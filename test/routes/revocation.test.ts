import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { CommandedStore } from '../support/commanded-store.ts'
import { scrape } from '../support/metrics.ts'
import { basic, buildServer, callOrders, postForm, refresh, stoppedClock } from '../support/server.ts'

const REVOKE = '/oauth/revoke'
const BACKEND = { authorization: basic('backend', 'backend-secret') }

async function login(fastify: FastifyInstance, clientId = 'web') {
  const { access_token: access, refresh_token: token = '' } = await fastify.oauth.issue({
    clientId,
    subject: 'alice',
    refreshable: true
  })
  return { access, token }
}

/** Revokes as the public client `web`. */
const revoke = (fastify: FastifyInstance, token: string, more: Record<string, string> = {}) =>
  postForm(fastify, REVOKE, { client_id: 'web', token, ...more })

async function isActive(fastify: FastifyInstance, token: string): Promise<boolean> {
  const authorization = basic('gateway', 'gateway-secret')
  return (await postForm(fastify, '/oauth/introspect', { token }, { authorization })).json().active
}

/** All that a client sees of an answer. */
const seen = ({ statusCode, headers: { date: _, ...headers }, body }: LightMyRequestResponse) => ({
  statusCode,
  headers,
  body
})

t.test('R01: a form with a token is needed, else invalid_request', async (t) => {
  const fastify = await buildServer(t)
  const missing = { error: 'invalid_request', error_description: 'The token parameter is missing.' }
  for (const form of ['client_id=web', 'client_id=web&token=', 'client_id=web&token_type_hint=access_token']) {
    const response = await postForm(fastify, REVOKE, form)
    t.equal(response.statusCode, 400)
    t.same(response.json(), missing)
  }
  const json = await fastify.inject({ method: 'POST', url: REVOKE, payload: { client_id: 'web', token: 'x' } })
  t.equal(json.statusCode, 400)
  t.equal(json.json().error, 'invalid_request')
  t.equal((await postForm(fastify, REVOKE, 'client_id=web&token=a&token=b')).json().error, 'invalid_request')
})

t.test('R02: the client authenticates as at the token endpoint', async (t) => {
  const fastify = await buildServer(t)
  const { token } = await login(fastify, 'backend')
  const attempts = [
    await postForm(fastify, REVOKE, { token }),
    await postForm(fastify, REVOKE, { token, client_id: 'backend' }),
    await postForm(fastify, REVOKE, { token }, { authorization: basic('backend', 'wrong') })
  ]
  for (const response of attempts) {
    t.equal(response.statusCode, 401)
    t.equal(response.json().error, 'invalid_client')
    t.equal(response.headers['www-authenticate'], 'Basic realm="oauth"')
  }
  t.equal(await isActive(fastify, token), true)
  const form = { token, client_id: 'backend', client_secret: 'backend-secret' }
  t.equal((await postForm(fastify, REVOKE, form)).statusCode, 200)
  t.equal(await isActive(fastify, token), false)
})

t.test('R03: a valid token is 200 with an empty body', async (t) => {
  const fastify = await buildServer(t)
  const { access, token } = await login(fastify)
  for (const each of [access, token]) {
    const response = await revoke(fastify, each)
    t.equal(response.statusCode, 200)
    t.equal(response.body, '')
    t.equal(response.headers['content-length'], '0')
    t.equal(response.headers['cache-control'], 'no-store')
  }
})

t.test('R04, R07: unknown, dead and other clients’ tokens are 200 as well, and tell nothing apart', async (t) => {
  const clock = stoppedClock()
  const fastify = await buildServer(t, { now: clock.now, accessTokenTtl: 100, refreshToken: { idleTtl: 100 } })
  const expired = await login(fastify)
  clock.advance(100)
  const [revoked, live, others] = [await login(fastify), await login(fastify), await login(fastify, 'backend')]
  await revoke(fastify, revoked.token)
  const reference = seen(await revoke(fastify, live.token))
  t.equal(reference.statusCode, 200)
  const tokens = [
    ...['unknown', '☃"\\', 'a.b.c', 'x'.repeat(10_000), `${live.access}x`, live.access.slice(0, -4)],
    ...[expired, revoked, others].flatMap(({ access, token }) => [access, token])
  ]
  for (const token of tokens) t.same(seen(await revoke(fastify, token)), reference, token)
  t.equal((await callOrders(fastify, others.access)).statusCode, 200, 'what is another client’s lives on')
  t.equal(await isActive(fastify, others.token), true)
})

t.test('R05, R06: a wrong or unknown token_type_hint changes nothing', async (t) => {
  const fastify = await buildServer(t)
  for (const hint of ['access_token', 'refresh_token', 'saml', '__proto__']) {
    const { access, token } = await login(fastify)
    t.equal((await revoke(fastify, access, { token_type_hint: hint })).statusCode, 200)
    t.equal(await isActive(fastify, access), false, hint)
    t.equal((await revoke(fastify, token, { token_type_hint: hint })).statusCode, 200)
    t.equal(await isActive(fastify, token), false, hint)
  }
})

t.test('R08: a public client revokes its own tokens by its client_id, and no other’s', async (t) => {
  const fastify = await buildServer(t)
  const { token } = await login(fastify)
  t.equal((await postForm(fastify, REVOKE, { token }, BACKEND)).statusCode, 200)
  t.equal(await isActive(fastify, token), true)
  t.equal((await revoke(fastify, token)).statusCode, 200)
  t.equal(await isActive(fastify, token), false)
})

t.test(
  'R09, R10, R12: revoking a refresh token kills its family at once, at the hook and at introspection',
  async (t) => {
    const fastify = await buildServer(t)
    const first = await login(fastify)
    const second = (await refresh(fastify, first.token)).json()
    const elsewhere = await login(fastify)
    for (const access of [first.access, second.access_token]) {
      t.equal((await callOrders(fastify, access)).statusCode, 200, 'so that its signature is remembered')
    }
    t.equal((await revoke(fastify, second.refresh_token)).statusCode, 200)
    for (const access of [first.access, second.access_token]) {
      t.equal((await callOrders(fastify, access)).statusCode, 401)
      t.equal(await isActive(fastify, access), false)
    }
    t.equal(await isActive(fastify, second.refresh_token), false)
    t.equal((await refresh(fastify, second.refresh_token)).json().error, 'invalid_grant')
    t.equal((await callOrders(fastify, elsewhere.access)).statusCode, 200, 'another family of the same user lives on')
    const labels = 'oauth2_client_id="web",oauth2_revocation_reason="client_request"'
    t.equal((await scrape(fastify)).get(`oauth2_token_revoked_total{${labels}}`), 3)
  }
)

t.test('R10: revoking a refresh token that was rotated away kills its successors', async (t) => {
  const fastify = await buildServer(t)
  const first = await login(fastify)
  const second = (await refresh(fastify, first.token)).json()
  t.equal((await revoke(fastify, first.token)).statusCode, 200)
  t.equal((await callOrders(fastify, second.access_token)).statusCode, 401)
  t.equal(await isActive(fastify, second.refresh_token), false)
})

t.test('R11: revoking an access token leaves the refresh token, and is documented to', async (t) => {
  const fastify = await buildServer(t)
  const { access, token } = await login(fastify)
  t.equal((await revoke(fastify, access)).statusCode, 200)
  t.equal((await callOrders(fastify, access)).statusCode, 401)
  t.equal((await refresh(fastify, token)).statusCode, 200)
})

t.test('R15: with the store down it is 503 with Retry-After, never 200', async (t) => {
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store })
  const { access, token } = await login(fastify)
  for (const verb of ['find', 'revoke']) {
    store.before = async (asked) => {
      if (asked === verb) throw new Error('connection refused')
    }
    for (const each of [access, token]) {
      const response = await revoke(fastify, each)
      t.equal(response.statusCode, 503)
      t.equal(response.headers['retry-after'], '5')
      t.equal(response.json().error, 'temporarily_unavailable')
    }
  }
  store.comeBack()
  t.equal((await callOrders(fastify, access)).statusCode, 200, 'and nothing was revoked')
})

t.test('R16: GET is refused, and there is no JSONP', async (t) => {
  const fastify = await buildServer(t)
  const { token } = await login(fastify)
  const got = await fastify.inject({ url: `${REVOKE}?client_id=web&token=${token}&callback=steal` })
  t.equal(got.statusCode, 405)
  t.equal(await isActive(fastify, token), true)
  const posted = await revoke(fastify, token, { callback: 'steal' })
  t.equal(posted.statusCode, 200)
  t.equal(posted.body, '')
})
