import fastifyJwt from '@fastify/jwt'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import oauthTelemetry from '../lib/index.ts'
import { assertAccepted, CHALLENGE, call } from './support/resource-server.ts'
import { OPTIONS } from './support/server.ts'

const registerTheirs = (fastify: FastifyInstance) =>
  fastify.register(fastifyJwt, { secret: 'secret of the application' })
const registerOurs = (fastify: FastifyInstance) => fastify.register(oauthTelemetry, OPTIONS)

async function works(t: Test, fastify: FastifyInstance) {
  fastify.get('/orders', { onRequest: fastify.oauth.require('orders:read') }, async () => 'orders')
  fastify.get('/session', { onRequest: (request) => request.jwtVerify() }, async ({ user }) => user)

  t.strictSame(Object.keys(fastify.jwt).sort(), ['cookie', 'decode', 'lookupToken', 'options', 'sign', 'verify'])
  t.equal(fastify.hasRequestDecorator('user'), true)
  const session = fastify.jwt.sign({ name: 'alice' })
  t.match(fastify.jwt.verify(session), { name: 'alice' })
  const answer = await fastify.inject({ url: '/session', headers: { authorization: `Bearer ${session}` } })
  t.match(answer.json(), { name: 'alice' }, 'their hook takes their token')

  const { access_token: token } = await fastify.oauth.issue({ clientId: 'reports' })
  await assertAccepted(t, fastify, token, 'reports', 'our hook takes ours')
  const theirs = await call(fastify, `Bearer ${session}`)
  t.equal(theirs.statusCode, 401)
  t.equal(theirs.headers['www-authenticate'], CHALLENGE.token, 'our hook refuses theirs')
  const ours = await fastify.inject({ url: '/session', headers: { authorization: `Bearer ${token}` } })
  t.not(ours.statusCode, 200, 'their hook refuses ours')
}

t.test("the application's own @fastify/jwt, registered before, is untouched", async (t) => {
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  await registerTheirs(fastify)
  await registerOurs(fastify)
  await works(t, fastify)
})

t.test("the application's own @fastify/jwt, registered after, is untouched", async (t) => {
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  await registerOurs(fastify)
  t.equal(fastify.hasDecorator('jwt'), false, 'we add none')
  t.equal(fastify.hasRequestDecorator('jwtVerify'), false)
  t.equal(fastify.hasRequestDecorator('user'), false)
  await registerTheirs(fastify)
  await works(t, fastify)
})

t.test('an application that decorates requests with user itself is left alone', async (t) => {
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  fastify.decorateRequest('user', 'nobody')
  await registerOurs(fastify)
  fastify.get('/', async ({ user }) => user)
  t.equal((await fastify.inject('/')).body, 'nobody')
})
