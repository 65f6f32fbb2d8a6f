import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { MemoryStore } from '../lib/index.ts'
import { CommandedStore, type StoreVerb } from './support/commanded-store.ts'
import { samplesOf, scrape } from './support/metrics.ts'
import { buildServer, callOrders, stoppedClock } from './support/server.ts'

/** From now on the store takes so long for one verb, or for all. */
function slowDown(store: CommandedStore, seconds: number, verb?: StoreVerb): void {
  store.before = async (asked) => {
    if (verb === undefined || asked === verb) await sleep(seconds * 1000)
  }
}

t.test('an answer that is slow but in time counts', async (t) => {
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store, storeTimeout: 2 })
  slowDown(store, 0.5)
  const { access_token } = await fastify.oauth.issue({ clientId: 'web', subject: 'alice' })
  t.equal((await callOrders(fastify, access_token)).statusCode, 200)
})

t.test('A8: an answer that comes too late changes nothing: what it says, or that it fails', async (t) => {
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store, storeTimeout: 0.1 })
  slowDown(store, 0.3)
  const unavailable = { name: 'OAuthError', code: 'temporarily_unavailable' }
  await t.rejects(fastify.oauth.issue({ clientId: 'web', subject: 'alice' }), unavailable)
  await sleep(400)
  store.comeBack()
  const issued = 'oauth2_token_issued_total'
  t.equal(samplesOf(await scrape(fastify), issued)['{oauth2_client_id="web",oauth2_grant_type="direct"}'], 0)

  store.before = async () => {
    await sleep(300)
    throw new Error('too late, and in vain')
  }
  await t.rejects(fastify.oauth.issue({ clientId: 'web', subject: 'alice' }), unavailable)
  await sleep(400)
  store.comeBack()
  await t.resolves(fastify.oauth.issue({ clientId: 'web', subject: 'alice' }))
})

t.test('a process that was busy does not take its own absence for the silence of the store', async (t) => {
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store, storeTimeout: 0.2 })
  slowDown(store, 0.05)
  const ready = fastify.oauth.isReady()
  const until = performance.now() + 1000
  while (performance.now() < until);
  t.equal(await ready, true)
})

t.test('a revocation of a whole subject or client may take ten times as long as one of a family', async (t) => {
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store, storeTimeout: 0.2 })
  const { access_token } = await fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  const { claims } = await fastify.oauth.validate(access_token)
  slowDown(store, 0.7, 'revoke')
  const because = { reason: 'admin', by: 'admin' }
  await t.rejects(fastify.oauth.revokeAll({ family: String(claims.jti), ...because }), {
    code: 'temporarily_unavailable'
  })
  await sleep(700)
  await fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  t.strictSame(await fastify.oauth.revokeAll({ subject: 'alice', ...because }), { revoked: 2 })
  await fastify.oauth.issue({ clientId: 'web', subject: 'bob', refreshable: true })
  t.strictSame(await fastify.oauth.revokeAll({ clientId: 'web', ...because }), { revoked: 2 })
})

t.test('pruning takes its time: a scrape does not wait for it, and what it counts is not lost', async (t) => {
  const clock = stoppedClock()
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store, storeTimeout: 0.1, now: clock.now })
  await fastify.oauth.issue({ clientId: 'web', subject: 'alice' })
  clock.advance(3600)
  const expired = async () => samplesOf(await scrape(fastify), 'oauth2_token_expired_total')
  slowDown(store, 2, 'prune')
  t.strictSame(await expired(), {})
  t.strictSame(store.calls.filter((verb) => verb === 'prune').length, 1)
  await expired()
  t.strictSame(store.calls.filter((verb) => verb === 'prune').length, 1, 'one look at a time')
  await sleep(1500)
  store.comeBack()
  t.strictSame(await expired(), { '{oauth2_client_id="web",oauth2_token_type="access"}': 1 })
})

t.test('a look for expired tokens that never ends is taken for lost after three more would have begun', async (t) => {
  const store = new CommandedStore()
  await buildServer(t, { store, pruneInterval: 1 })
  store.before = () => new Promise(() => {})
  const looks = () => store.calls.filter((verb) => verb === 'prune').length
  await sleep(3500)
  t.equal(looks(), 1)
  for (let waited = 0; waited < 100 && looks() < 2; waited += 1) await sleep(100)
  t.equal(looks(), 2)
})

t.test('a store that is silent at registration is named, in bounded time', async (t) => {
  class SilentStore extends MemoryStore {
    override keep(): Promise<string> {
      return new Promise(() => {})
    }
  }
  await t.rejects(buildServer(t, { store: new SilentStore(), storeTimeout: 0.1 }), {
    message:
      'the store (SilentStore) fails: the signing key that it keeps cannot be had: Error: the store did not answer within 0.1 s',
    cause: { cause: { message: 'the store did not answer within 0.1 s' } }
  })
})
