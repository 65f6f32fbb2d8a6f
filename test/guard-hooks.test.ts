import t from 'tap'
import { type AccessToken, MemoryStore } from '../lib/index.ts'
import { claimsOf, makeKey, signJwt } from './support/jwt.ts'
import { assertUnavailable, buildResourceServer, CHALLENGE, trustIn } from './support/resource-server.ts'
import { buildServer } from './support/server.ts'

const key = makeKey('key-1')
const authorization = `Bearer ${signJwt(key)}`

t.test('require() guards as a single hook, in an array, and by addHook for a whole scope', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  const before: string[] = []
  const note = async () => {
    before.push('noted')
  }
  fastify.get('/single', { onRequest: fastify.oauth.require() }, async ({ token }) => token.claims.sub)
  fastify.get('/array', { onRequest: [note, fastify.oauth.require()] }, async ({ token }) => token.claims.sub)
  fastify.get('/late', { preHandler: fastify.oauth.require() }, async ({ token }) => token.claims.sub)
  await fastify.register(async (scope) => {
    scope.addHook('onRequest', fastify.oauth.require('orders:read'))
    scope.get('/scope', async ({ token }) => token.claims.sub)
    await scope.register(async (inner) => inner.get('/inner', async ({ token }) => token.claims.sub))
  })
  for (const url of ['/single', '/array', '/late', '/scope', '/inner']) {
    const passed = await fastify.inject({ url, headers: { authorization } })
    t.equal(`${passed.statusCode} ${passed.body}`, '200 alice', url)
    const refused = await fastify.inject({ url })
    t.equal(refused.statusCode, 401, url)
    t.equal(refused.headers['www-authenticate'], CHALLENGE.missing, url)
  }
  t.strictSame(before, ['noted', 'noted'], 'the hooks before it ran')
})

t.test('what comes after a refusal does not run', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  const ran: string[] = []
  const onRequest = [
    fastify.oauth.require('orders:write'),
    async () => {
      ran.push('hook')
    }
  ]
  fastify.get('/', { onRequest }, async () => ran.push('handler'))
  t.equal((await fastify.inject({ url: '/', headers: { authorization } })).statusCode, 403)
  t.strictSame(ran, [])
})

t.test('a route needs all of the scope, and only that', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  fastify.get('/both', { onRequest: fastify.oauth.require('a', 'b') }, async ({ token }) => token.scope)
  const status = async (scope: string | undefined) =>
    (
      await fastify.inject({
        url: '/both',
        headers: { authorization: `Bearer ${signJwt(key, claimsOf({ scope }))}` }
      })
    ).statusCode
  t.equal(await status('a b'), 200)
  t.equal(await status('c b a'), 200)
  for (const scope of ['a', 'b', '', undefined, 'ab', 'A B', 'a:b']) t.equal(await status(scope), 403, String(scope))
})

t.test('require() refuses at once what is no scope token', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  for (const scope of ['', 'a b', 'a"', 'a\\', 'a\r\nX: y', '☃', 'a\u0000']) {
    t.throws(
      () => fastify.oauth.require('orders:read', scope),
      new TypeError(`oauth.require: "${scope}" is not a scope token (RFC 6749 section 3.3)`),
      JSON.stringify(scope)
    )
  }
})

t.test('request.token throws on a route that is not guarded, token or not', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  fastify.get('/open', async (request) => request.token)
  for (const headers of [{}, { authorization }]) {
    const response = await fastify.inject({ url: '/open', headers })
    t.equal(response.statusCode, 500)
    t.equal(response.json().message, 'request.token is only there on routes guarded by fastify.oauth.require()')
  }
})

t.test('the token of one request is never that of another', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  fastify.get('/open', async (request) => {
    t.throws(() => request.token)
    return 'open'
  })
  const subjects = ['alice', 'bob', 'carol']
  fastify.get('/me', { onRequest: fastify.oauth.require() }, async ({ token }) => {
    await new Promise(setImmediate)
    return token.claims.sub
  })
  await Promise.all(
    [...subjects, ...subjects].map(async (sub) => {
      const headers = { authorization: `Bearer ${signJwt(key, claimsOf({ sub }))}` }
      t.equal((await fastify.inject({ url: '/me', headers })).body, sub)
      await fastify.inject({ url: '/open' })
    })
  )
})

t.test('A18: nothing on request.token can be changed, and the next request has it clean', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  const attempts: ((request: { token: AccessToken }) => void)[] = [
    (request) => Object.assign(request, { token: { own: true } }),
    ({ token }) => Object.assign(token, { clientId: 'admin' }),
    ({ token }) => Object.assign(token.claims, { sub: 'admin' }),
    ({ token }) => Object.assign(token.claims, { added: true }),
    ({ token }) => (token.scope as string[]).push('admin'),
    ({ token }) => Object.assign((token.claims.roles as object[])[0] ?? {}, { name: 'admin' }),
    ({ token }) => (token.claims.roles as object[]).push({ name: 'admin' })
  ]
  fastify.get('/mutate', { onRequest: fastify.oauth.require() }, async (request) => {
    for (const attempt of attempts) t.throws(() => attempt(request), TypeError)
    t.equal(Reflect.deleteProperty(request.token.claims, 'exp'), false)
    return request.token
  })
  const headers = { authorization: `Bearer ${signJwt(key, claimsOf({ roles: [{ name: 'clerk' }] }))}` }
  const first = await fastify.inject({ url: '/mutate', headers })
  const second = await fastify.inject({ url: '/mutate', headers })
  t.equal(first.statusCode, 200)
  t.equal(second.body, first.body)
  t.strictSame(second.json().scope, ['orders:read'])
  t.strictSame(second.json().claims.roles, [{ name: 'clerk' }])
  t.type(second.json().claims.exp, 'number')
})

t.test('oauth.validate checks a token that came another way', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  const token = await fastify.oauth.validate(signJwt(key), 'orders:read')
  t.match(token, { clientId: 'mobile', scope: ['orders:read'], own: false, claims: { sub: 'alice' } })
  await t.rejects(fastify.oauth.validate(signJwt(key), 'orders:write'), {
    code: 'insufficient_scope',
    facts: { reason: 'insufficient_scope', clientId: 'mobile' }
  })
  await t.rejects(fastify.oauth.validate('forged'), { code: 'invalid_token', facts: { reason: 'malformed' } })
})

t.test('a store that does not answer: 503 with Retry-After, no challenge, counted as unavailable', async (t) => {
  const store = new MemoryStore()
  const fastify = await buildServer(t, { store })
  const { access_token: token } = await fastify.oauth.issue({ clientId: 'reports' })
  store.find = async () => {
    throw new Error('the store is down')
  }
  await assertUnavailable(t, fastify, token, 'a good token')
})
