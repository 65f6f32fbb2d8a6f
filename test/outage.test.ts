import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { MemoryStore } from '../lib/index.ts'
import { CommandedStore } from './support/commanded-store.ts'
import { samplesOf, scrape } from './support/metrics.ts'
import { basic, buildServer, callOrders, postForm, refresh } from './support/server.ts'

const REPORTS = { authorization: basic('reports', 'reports-secret') }

/** A server with tokens of `alice`, and its store. */
async function start(t: Test, storeTimeout: number) {
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store, storeTimeout })
  const tokens = await fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  store.calls.length = 0
  return { store, fastify, token: tokens.access_token, refreshToken: tokens.refresh_token ?? '' }
}

/** From now on the store answers nothing. */
function fallSilent(store: CommandedStore): void {
  store.before = () => new Promise(() => {})
}

const getToken = (fastify: FastifyInstance) =>
  postForm(fastify, '/oauth/token', { grant_type: 'client_credentials' }, REPORTS)

const statuses = (answers: readonly { statusCode: number }[]) => answers.map(({ statusCode }) => statusCode)

const endpoints: Record<string, (started: Awaited<ReturnType<typeof start>>) => ReturnType<typeof getToken>> = {
  issue: ({ fastify }) => getToken(fastify),
  refresh: ({ fastify, refreshToken }) => refresh(fastify, refreshToken),
  revoke: ({ fastify, token }) => postForm(fastify, '/oauth/revoke', { client_id: 'web', token }),
  introspect: ({ fastify, token }) =>
    postForm(fastify, '/oauth/introspect', { token }, { authorization: basic('gateway', 'gateway-secret') }),
  validate: ({ fastify, token }) => callOrders(fastify, token)
}

for (const [verb, ask] of Object.entries(endpoints)) {
  t.test(`A8: ${verb}: a store that does not answer is a 503 with Retry-After, in bounded time`, async (t) => {
    const started = await start(t, 0.2)
    const issued = samplesOf(await scrape(started.fastify), 'oauth2_token_issued_total')
    fallSilent(started.store)
    const begun = performance.now()
    const { statusCode, headers, body } = await ask(started)
    const took = performance.now() - begun
    t.equal(statusCode, 503)
    t.equal(headers['retry-after'], '5')
    t.equal(JSON.parse(body).error, 'temporarily_unavailable')
    t.ok(took >= 200 && took < 3000, `it took ${Math.round(took)} ms`)
    started.store.comeBack()
    t.strictSame(samplesOf(await scrape(started.fastify), 'oauth2_token_issued_total'), issued)
  })
}

t.test('A8: no pile-up: while the store is silent one call tries, and the others do not wait', async (t) => {
  const { store, fastify, token } = await start(t, 0.4)
  fallSilent(store)
  t.strictSame(statuses(await Promise.all([1, 2, 3].map(() => callOrders(fastify, token)))), [503, 503, 503])

  store.calls.length = 0
  const order: number[] = []
  const call = async (index: number) => {
    const { statusCode } = await callOrders(fastify, token)
    order.push(index)
    return statusCode
  }
  t.ok((await Promise.all(Array.from({ length: 50 }, (_, index) => call(index)))).every((status) => status === 503))
  t.strictSame(store.calls, ['find'], 'one has tried')
  t.equal(order.at(-1), 0, 'and waited; the others were refused before')
})

t.test('A8: a route of the application that issues answers 503 with Retry-After too', async (t) => {
  const { store, fastify } = await start(t, 2)
  fastify.get('/login', () => fastify.oauth.issue({ clientId: 'web', subject: 'alice' }))
  fastify.get('/elsewhere', () => fastify.oauth.issue({ clientId: 'web', subject: 'alice', scope: ['none:such'] }))
  store.goDown()
  const down = await fastify.inject('/login')
  t.match(down, { statusCode: 503, headers: { 'retry-after': '5' } })
  t.match(down.json(), { code: 'temporarily_unavailable', message: 'The service is temporarily unavailable.' })
  const refused = await fastify.inject('/elsewhere')
  t.equal(refused.statusCode, 400)
  t.equal('retry-after' in refused.headers, false)
})

t.test('A8: the service returns by itself, with the first call that is answered', async (t) => {
  const { store, fastify, token } = await start(t, 0.8)
  fallSilent(store)
  await Promise.all([1, 2, 3].map(() => callOrders(fastify, token)))
  const trying = fastify.oauth.isReady()
  store.comeBack()
  await sleep(300)
  t.equal((await callOrders(fastify, token)).statusCode, 200, 'while the one that was sent too early waits in vain')
  const answers = await Promise.all([1, 2, 3].map(() => getToken(fastify)))
  t.strictSame(statuses(answers), [200, 200, 200])
  t.equal(await trying, false)
  store.before = () => sleep(20)
  t.strictSame(await Promise.all([1, 2, 3].map(() => fastify.oauth.isReady())), [true, true, true], 'together')
})

t.test('A8: a revocation that takes long shuts nobody out when it is the call that tries', async (t) => {
  const { store, fastify, token } = await start(t, 0.4)
  fallSilent(store)
  t.equal(await fastify.oauth.isReady(), false)
  store.before = async (verb) => {
    if (verb === 'revoke') await sleep(1500)
  }
  const sweep = fastify.oauth.revokeAll({ subject: 'alice', reason: 'admin', by: 'admin' })
  await sleep(200)
  t.equal((await callOrders(fastify, token)).statusCode, 200)
  t.strictSame(await sweep, { revoked: 2 })
})

t.test('A8: calls that wait in vain take no others along, while others are answered', async (t) => {
  const { store, fastify, token } = await start(t, 0.4)
  store.before = (verb) => (verb === 'insert' ? new Promise(() => {}) : sleep(20))
  const hanging = Promise.all([1, 2, 3, 4, 5].map(() => getToken(fastify)))
  const until = performance.now() + 1200
  while (performance.now() < until) t.equal((await callOrders(fastify, token)).statusCode, 200)
  t.strictSame(statuses(await hanging), [503, 503, 503, 503, 503])
})

t.test('A8: a call that fails while it tries leaves the others to try', async (t) => {
  const { store, fastify, token } = await start(t, 0.2)
  fallSilent(store)
  await Promise.all([1, 2, 3].map(() => callOrders(fastify, token)))
  store.goDown()
  store.calls.length = 0
  for (const _ of [1, 2, 3]) t.equal((await callOrders(fastify, token)).statusCode, 503)
  t.equal(store.calls.length, 3)
  store.comeBack()
  t.equal((await callOrders(fastify, token)).statusCode, 200)
})

t.test('A8: at most 5,000 calls wait at a time', async (t) => {
  const { store, fastify } = await start(t, 2)
  fallSilent(store)
  let refused = 0
  const calls = Array.from({ length: 5_010 }, () => fastify.oauth.isReady().then(() => (refused += 1)))
  await sleep(0)
  t.equal(store.calls.length, 5_000)
  t.equal(refused, 10)
  await Promise.all(calls)
})

t.test('A8: what fails at once shuts nobody else out: it may be the fault of the call', async (t) => {
  const { store, fastify } = await start(t, 0.2)
  store.before = async (verb) => {
    if (verb === 'insert') throw new Error('a value that cannot be stored')
  }
  const failed = await Promise.all(Array.from({ length: 10 }, () => getToken(fastify)))
  t.ok(failed.every(({ statusCode }) => statusCode === 503))
  store.before = () => sleep(20)
  t.strictSame(await Promise.all([1, 2, 3].map(() => fastify.oauth.isReady())), [true, true, true])
})

t.test('A8: a call that fails slowly tells of silence, unless others were answered meanwhile', async (t) => {
  const { store, fastify, token } = await start(t, 0.4)
  const failSlowly = async () => {
    await sleep(250)
    throw new Error('no connection could be had')
  }
  store.before = (verb) => (verb === 'insert' ? failSlowly() : Promise.resolve())
  const failing = getToken(fastify)
  await sleep(100)
  t.equal((await callOrders(fastify, token)).statusCode, 200)
  t.equal((await failing).statusCode, 503)
  t.strictSame(await Promise.all([1, 2, 3].map(() => fastify.oauth.isReady())), [true, true, true], 'it is not silent')

  store.before = failSlowly
  t.equal((await getToken(fastify)).statusCode, 503)
  store.calls.length = 0
  t.strictSame(await Promise.all([1, 2, 3].map(() => fastify.oauth.isReady())), [false, false, false])
  t.strictSame(store.calls, ['find'], 'it is: one has tried')
})

t.test('A8: a store that throws instead of rejecting fails like others', async (t) => {
  class ThrowingStore extends MemoryStore {
    override insert(): never {
      throw new Error('not even a promise')
    }
  }
  const fastify = await buildServer(t, { store: new ThrowingStore() })
  t.match(await getToken(fastify), { statusCode: 503, headers: { 'retry-after': '5' } })
})
