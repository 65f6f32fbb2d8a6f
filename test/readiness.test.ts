import t from 'tap'
import { CommandedStore } from './support/commanded-store.ts'
import { buildResourceServer } from './support/resource-server.ts'
import { buildServer, callOrders } from './support/server.ts'

t.test('ready is who has a store that answers, with one cheap call', async (t) => {
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store })
  t.equal(await fastify.oauth.isReady(), true)
  t.strictSame(store.calls, ['find'])
})

t.test('not ready is who has one that is down, and ready again when it is back', async (t) => {
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store })
  store.goDown()
  t.equal(await fastify.oauth.isReady(), false)
  store.comeBack()
  t.equal(await fastify.oauth.isReady(), true)
})

t.test(
  'a store that is silent is not waited for longer than storeTimeout; asking is enough to find it back',
  async (t) => {
    const store = new CommandedStore()
    const fastify = await buildServer(t, { store, storeTimeout: 0.1 })
    const { access_token } = await fastify.oauth.issue({ clientId: 'web', subject: 'alice' })
    store.before = () => new Promise(() => {})
    const begun = performance.now()
    t.strictSame(await Promise.all([1, 2, 3].map(() => fastify.oauth.isReady())), [false, false, false])
    t.ok(performance.now() - begun < 2000)
    store.comeBack()
    t.equal(await fastify.oauth.isReady(), true)
    t.equal((await callOrders(fastify, access_token)).statusCode, 200)
  }
)

t.test('without a store there is nothing to wait for', async (t) => {
  const fastify = await buildResourceServer(t, [{ issuer: 'https://tenant.example', audience: 'https://api.example' }])
  t.equal(await fastify.oauth.isReady(), true)
})
