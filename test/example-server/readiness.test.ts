import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { request } from 'undici'
import { readiness } from '../../example-server/readiness.ts'
import { CommandedStore } from '../support/commanded-store.ts'
import { startPostgres } from '../support/postgres.ts'
import { startExampleServer } from '../support/processes.ts'
import { startRedis } from '../support/redis.ts'
import { buildServer } from '../support/server.ts'

t.setTimeout(240_000)

t.test('/ready is 503 with Retry-After while the store is down', async (t) => {
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store })
  await fastify.register(readiness)
  t.match(await fastify.inject('/ready'), { statusCode: 200, body: '{"status":"ready"}' })
  store.goDown()
  const down = await fastify.inject('/ready')
  t.match(down, { statusCode: 503, body: '{"status":"unavailable"}', headers: { 'retry-after': '5' } })
  store.comeBack()
  t.equal((await fastify.inject('/ready')).statusCode, 200)
})

/** The status of `/ready` as soon as it is the one that is waited for, within half a minute. */
async function awaitStatus(url: string, wanted: number): Promise<number> {
  for (let asked = 0; ; asked += 1) {
    const { statusCode, body } = await request(`${url}/ready`)
    await body.dump()
    if (statusCode === wanted || asked === 300) return statusCode
    await sleep(100)
  }
}

/** Kills the engine under the example server, and brings it back. */
async function outlive(t: Test, engine: { url: string; kill(): Promise<void>; start(): Promise<void> }): Promise<void> {
  const server = await startExampleServer(t, { OAUTH_STORE: engine.url })
  const login = async () => {
    const { statusCode, headers, body } = await request(`${server.url}/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"username":"alice","password":"wonderland"}'
    })
    return { status: statusCode, retryAfter: headers['retry-after'], body: (await body.json()) as { code?: string } }
  }
  // Of the connections of a pool that these leave behind, some are idle when the engine ends.
  for (const { status } of await Promise.all(Array.from({ length: 5 }, login))) t.equal(status, 200)
  await engine.kill()
  t.equal(await awaitStatus(server.url, 503), 503)
  const begun = performance.now()
  const answers = await Promise.all(Array.from({ length: 20 }, login))
  const took = performance.now() - begun
  for (const answer of answers) {
    t.match(answer, { status: 503, retryAfter: '5', body: { code: 'temporarily_unavailable' } })
  }
  t.ok(took < 10_000, `all were refused within ${Math.round(took)} ms`)

  await server.line(/"level":40.*the connection to \w+ failed/)
  await engine.start()
  t.equal(await awaitStatus(server.url, 200), 200, 'it returns by itself')
  t.equal((await login()).status, 200)
  t.match(await server.stop(), { code: 0 })
}

t.test('the example server outlives its Redis', async (t) => {
  const redis = await startRedis(t)
  if (redis !== undefined) await outlive(t, redis)
})

t.test('the example server outlives its PostgreSQL', async (t) => {
  const postgres = await startPostgres(t)
  if (postgres !== undefined) await outlive(t, postgres)
})
