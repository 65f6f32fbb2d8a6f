import Fastify from 'fastify'
import t from 'tap'
import oauthTelemetry, { type Client } from '../../lib/index.ts'
import { basic, buildServer, OPTIONS, postForm, stoppedClock } from '../support/server.ts'

const TOKEN = '/oauth/token'
const GRANT = { grant_type: 'client_credentials' }
const RIGHT = 'reports-secret'

const limited = { error: 'temporarily_unavailable', error_description: 'Too many failed attempts.' }

t.test('T41: guessing secrets is limited per client and address: 429 with Retry-After', async (t) => {
  const clock = stoppedClock()
  const fastify = await buildServer(t, { failedAttempts: { max: 3, window: 60 }, now: clock.now })
  const attempt = (secret: string, { id = 'reports', remoteAddress = '192.0.2.1', url = TOKEN } = {}) =>
    fastify.inject({
      method: 'POST',
      url,
      remoteAddress,
      headers: { authorization: basic(id, secret), 'content-type': 'application/x-www-form-urlencoded' },
      payload: new URLSearchParams({ ...GRANT, token: 'x' }).toString()
    })

  for (let guess = 1; guess <= 3; guess += 1) {
    t.equal((await attempt(`guess-${guess}`)).statusCode, 401)
    t.equal((await attempt(RIGHT)).statusCode, guess < 3 ? 200 : 429, 'success is not counted, and forgives nothing')
  }
  clock.advance(0.5)
  const refused = await attempt('guess-4')
  t.equal(refused.statusCode, 429)
  t.equal(refused.headers['retry-after'], '60')
  t.equal(refused.headers['cache-control'], 'no-store')
  t.same(refused.json(), limited)
  clock.advance(58.5)
  t.equal((await attempt(RIGHT)).headers['retry-after'], '1')

  t.equal((await attempt(RIGHT, { remoteAddress: '192.0.2.2' })).statusCode, 200, 'another address may go on')
  t.equal((await attempt('x', { id: 'backend' })).statusCode, 401, 'another client may go on')
  for (const url of ['/oauth/revoke', '/oauth/introspect']) {
    t.equal((await attempt(RIGHT, { url })).statusCode, 429, 'all endpoints count together')
  }

  clock.advance(1)
  t.equal((await attempt(RIGHT)).statusCode, 200, 'the window ends')
  t.equal((await attempt('guess-5')).statusCode, 401, 'and a new one begins')
})

t.test('T41: a client that is not registered is limited just as one that is', async (t) => {
  const fastify = await buildServer(t, { failedAttempts: { max: 2, window: 60 } })
  const attempt = (id: string) => postForm(fastify, TOKEN, { ...GRANT, client_id: id, client_secret: 'x' })
  for (const id of ['reports', 'stranger']) {
    t.same(
      [await attempt(id), await attempt(id), await attempt(id)].map(({ statusCode }) => statusCode),
      [401, 401, 429]
    )
  }
})

t.test('T41: guesses made at the same time are limited too, though clients are looked up slowly', async (t) => {
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  const clients = async (id: string): Promise<Client | undefined> => {
    await new Promise((resolve) => setTimeout(resolve, 20))
    return OPTIONS.clients.find((client) => client.id === id)
  }
  await fastify.register(oauthTelemetry, { ...OPTIONS, clients, failedAttempts: { max: 5, window: 60 } })
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, guess) =>
      postForm(fastify, TOKEN, GRANT, { authorization: basic('reports', `guess-${guess}`) })
    )
  )
  const count = (status: number) => answers.filter(({ statusCode }) => statusCode === status).length
  t.same({ refused: count(401), limited: count(429) }, { refused: 5, limited: 35 })
})

t.test('ids that no client can have take no memory: they are refused before they are counted', async (t) => {
  const fastify = await buildServer(t, { failedAttempts: { max: 1, window: 60 } })
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const form = { ...GRANT, client_id: 'x'.repeat(257), client_secret: 'x' }
    t.equal((await postForm(fastify, TOKEN, form)).statusCode, 401)
  }
})
