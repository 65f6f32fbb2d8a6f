import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { buildApp } from '../../example-server/app.ts'
import { readConfiguration } from '../../example-server/configuration.ts'
import { scrape } from '../support/metrics.ts'
import { basic, postForm } from '../support/server.ts'

async function startApp(t: Test): Promise<FastifyInstance> {
  const env = { LOG_LEVEL: 'silent', OAUTH_STORE: 'memory:' }
  const app = await buildApp(readConfiguration(env, { host: '127.0.0.1', port: 3000 }))
  t.teardown(() => app.close())
  return app
}

const login = (app: FastifyInstance, body: object) => app.inject({ method: 'POST', url: '/login', body })

async function tokenOf(app: FastifyInstance, client: string): Promise<{ authorization: string }> {
  const form = { grant_type: 'client_credentials' }
  const response = await postForm(app, '/oauth/token', form, { authorization: basic(client, `${client}-secret`) })
  return { authorization: `Bearer ${response.json().access_token}` }
}

t.test('/health is open, and carries no hook of ours', async (t) => {
  const app = await startApp(t)
  const before = await scrape(app)
  const response = await app.inject({ url: '/health', headers: { authorization: 'Bearer rubbish' } })
  t.match(response, { statusCode: 200, body: '{"status":"ok"}' })
  t.equal(response.headers['www-authenticate'], undefined)
  t.strictSame(await scrape(app), before, 'nobody has looked at the token')

  const routes = app.printRoutes({ includeHooks: true, commonPrefix: false })
  const hooksOf = (path: string) => new RegExp(`${path} \\((?:GET|POST)[^)]*\\)\n(?:[│ ]+• .*\n)*`).exec(routes)?.[0]
  t.match(hooksOf('/orders'), /requireToken/, 'hooks would be seen')
  t.notMatch(hooksOf('/health'), '•')
})

t.test('/ready is open, and says that the store answers', async (t) => {
  const app = await startApp(t)
  t.match(await app.inject({ url: '/ready' }), { statusCode: 200, body: '{"status":"ready"}' })
})

t.test('orders need orders:read and orders:write', async (t) => {
  const app = await startApp(t)
  const body = { item: 'tea' }
  t.equal((await app.inject({ url: '/orders' })).statusCode, 401)
  t.equal((await app.inject({ method: 'POST', url: '/orders', body })).statusCode, 401)

  const reports = await tokenOf(app, 'reports')
  t.match((await app.inject({ url: '/orders', headers: reports })).json(), { owner: 'reports' })
  const made = await app.inject({ method: 'POST', url: '/orders', headers: reports, body })
  t.match(made, { statusCode: 201, body: '{"owner":"reports","item":"tea"}' })
  const empty = await app.inject({ method: 'POST', url: '/orders', headers: reports, body: {} })
  t.match(empty.json(), { statusCode: 400, message: "body must have required property 'item'" })

  const admin = await tokenOf(app, 'admin')
  t.equal((await app.inject({ url: '/orders', headers: admin })).statusCode, 403)
  t.equal((await app.inject({ method: 'POST', url: '/orders', headers: admin, body })).statusCode, 403)
})

t.test('a login answers with tokens that are not to be kept', async (t) => {
  const app = await startApp(t)
  const response = await login(app, { username: 'bob', password: 'builder' })
  t.match(response, { statusCode: 200, headers: { 'cache-control': 'no-store' } })
  t.match(response.json(), {
    token_type: 'Bearer',
    expires_in: 3600,
    scope: 'orders:read orders:write',
    refresh_token: /^[0-9a-v]{8}[\w-]{43}$/
  })
})

t.test('a login that fails gives no hint, and no token', async (t) => {
  const app = await startApp(t)
  const wrongPassword = await login(app, { username: 'alice', password: 'builder' })
  const unknownUser = await login(app, { username: 'mallory', password: 'wonderland' })
  const prototype = await login(app, { username: '__proto__', password: 'wonderland' })
  t.match(wrongPassword, { statusCode: 401, headers: { 'cache-control': 'no-store' } })
  t.match(wrongPassword.json(), { message: 'The username or the password is wrong' })
  for (const response of [unknownUser, prototype]) {
    t.equal(response.statusCode, 401)
    t.equal(response.body, wrongPassword.body)
  }
  for (const body of [{}, { username: 'alice' }, { username: 'alice', password: '' }]) {
    t.equal((await login(app, body)).statusCode, 400)
  }
  t.equal((await scrape(app)).get('oauth2_token_issued_total{oauth2_client_id="web",oauth2_grant_type="direct"}'), 0)
})

t.test('POST /admin/revoke-all ends what a subject has, and says how much that was', async (t) => {
  const app = await startApp(t)
  const revokeAll = (headers: Record<string, string>, body: object) =>
    app.inject({ method: 'POST', url: '/admin/revoke-all', headers, body })
  const alice = (await login(app, { username: 'alice', password: 'wonderland' })).json().access_token
  const bob = (await login(app, { username: 'bob', password: 'builder' })).json().access_token
  const call = async (token: string) =>
    (await app.inject({ url: '/orders', headers: { authorization: `Bearer ${token}` } })).statusCode

  const request = { subject: 'alice', reason: 'admin' }
  t.equal((await revokeAll({}, request)).statusCode, 401)
  t.equal((await revokeAll({ authorization: `Bearer ${bob}` }, request)).statusCode, 403)
  t.equal(await call(alice), 200)

  const admin = await tokenOf(app, 'admin')
  t.equal((await revokeAll(admin, { subject: 'alice' })).statusCode, 400)
  const revoked = await revokeAll(admin, request)
  t.match(revoked, { statusCode: 200, body: '{"revoked":2}' }, 'an access token and a refresh token')
  t.equal(await call(alice), 401)
  t.equal(await call(bob), 200)
  t.equal((await revokeAll(admin, request)).body, '{"revoked":0}', 'counted is what was live')
  t.equal(
    (await scrape(app)).get('oauth2_token_revoked_total{oauth2_client_id="web",oauth2_revocation_reason="admin"}'),
    2
  )
})

t.test('A5: the limit for headers is below the one for requests, or neither would act', async (t) => {
  const { server } = await startApp(t)
  t.equal('headersTimeout' in server && server.headersTimeout, 10_000)
  t.equal('requestTimeout' in server && server.requestTimeout, 30_000)
})
