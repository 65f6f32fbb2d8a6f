import Fastify from 'fastify'
import t from 'tap'
import oauthTelemetry from '../lib/index.ts'
import { CHALLENGE } from './support/resource-server.ts'
import { basic, OPTIONS, postForm } from './support/server.ts'

t.test('a guard at the root scope guards the application, not the endpoints of this plugin', async (t) => {
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  await fastify.register(oauthTelemetry, OPTIONS)
  fastify.addHook('onRequest', fastify.oauth.require('orders:read'))
  fastify.get('/orders', async ({ token }) => token.claims.sub)

  for (const url of ['/orders', '/nowhere']) {
    const refused = await fastify.inject({ url })
    t.equal(refused.statusCode, 401, url)
    t.equal(refused.headers['www-authenticate'], CHALLENGE.missing, url)
  }
  for (const url of ['/metrics', '/oauth/jwks', '/.well-known/oauth-authorization-server']) {
    t.equal((await fastify.inject({ url })).statusCode, 200, url)
    t.equal((await fastify.inject({ method: 'HEAD', url })).statusCode, 200, `HEAD ${url}`)
  }

  const authorization = basic('reports', 'reports-secret')
  const issued = await postForm(fastify, '/oauth/token', { grant_type: 'client_credentials' }, { authorization })
  t.equal(issued.statusCode, 200)
  const token = issued.json().access_token
  const passed = await fastify.inject({ url: '/orders', headers: { authorization: `Bearer ${token}` } })
  t.equal(`${passed.statusCode} ${passed.body}`, '200 reports')
  const asked = await postForm(
    fastify,
    '/oauth/introspect',
    { token },
    { authorization: basic('gateway', 'gateway-secret') }
  )
  t.equal(asked.json().active, true)
  t.equal((await postForm(fastify, '/oauth/revoke', { token }, { authorization })).statusCode, 200)
})

t.test('but /metrics is guarded by oauth.require where the application says so', async (t) => {
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  await fastify.register(oauthTelemetry, {
    ...OPTIONS,
    metrics: { onRequest: (request, reply) => request.server.oauth.require('orders:read')(request, reply) }
  })
  t.equal((await fastify.inject({ url: '/metrics' })).statusCode, 401)
  const { access_token: token } = await fastify.oauth.issue({ clientId: 'reports' })
  t.equal((await fastify.inject({ url: '/metrics', headers: { authorization: `Bearer ${token}` } })).statusCode, 200)
})
