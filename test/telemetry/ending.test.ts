import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { fetch } from 'undici'
import oauthTelemetry, { MemoryStore } from '../../lib/index.ts'
import { CommandedStore } from '../support/commanded-store.ts'
import { metricRecorder, registerMeterProvider, scrape } from '../support/metrics.ts'
import { runProcess } from '../support/processes.ts'
import { buildServer, OPTIONS, stoppedClock } from '../support/server.ts'

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))

t.test('a server that has closed reports nothing through the global provider any more', async (t) => {
  const recorder = metricRecorder()
  registerMeterProvider(t, recorder.reader)
  const issued = async () => (await recorder.collect()).get('oauth2.token.issued')?.dataPoints ?? []

  const first = await buildServer(t)
  await first.oauth.issue({ clientId: 'reports' })
  t.ok((await issued()).some(({ value }) => value === 1))
  await first.close()

  const second = await buildServer(t)
  await second.oauth.issue({ clientId: 'web', subject: 'alice' })
  const byClient = (await issued()).filter(({ value }) => value === 1).map(({ attributes }) => attributes)
  t.strictSame(byClient, [{ 'oauth2.client_id': 'web', 'oauth2.grant_type': 'direct' }])
})

t.test(
  'a store that is down costs no scrape: the gauge keeps what it said last, and the loss is counted',
  async (t) => {
    const store = new CommandedStore()
    const fastify = await buildServer(t, { store })
    await fastify.oauth.issue({ clientId: 'reports' })
    const active = 'oauth2_token_active{oauth2_client_id="reports",oauth2_token_type="access"}'
    t.equal((await scrape(fastify)).get(active), 1)

    store.goDown()
    await scrape(fastify)
    const down = await scrape(fastify)
    t.equal(down.get(active), 1, 'what it said last')
    t.equal(down.get('oauth2_telemetry_dropped_total'), 1, 'once for each collection before this one')

    store.comeBack()
    t.equal((await scrape(fastify)).get(active), 1)
  }
)

/** A server that is looking for expired tokens: there is one. What it tells of that, and when its application ends. */
async function startLooking(t: Test, answer: () => Promise<unknown>) {
  const clock = stoppedClock()
  const store = new CommandedStore()
  const order: string[] = []
  const fastify = await buildServer(t, {
    store,
    now: clock.now,
    telemetry: {
      onEvent: ({ operation }) => {
        order.push(operation)
      }
    }
  })
  fastify.addHook('onClose', async () => {
    order.push('application closes')
  })
  await fastify.oauth.issue({ clientId: 'reports' })
  clock.advance(3600)
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>()
  store.after = async (verb) => {
    if (verb !== 'prune') return
    ask()
    await answer()
  }
  const scraped = fastify.inject('/metrics')
  await asked
  return { fastify, order, scraped }
}

t.test('what expired is counted while the server closes, before anything ends that could tell of it', async (t) => {
  const { fastify, order, scraped } = await startLooking(t, () => sleep(500))
  await fastify.close()
  t.strictSame(order, ['issue', 'expire', 'application closes'])
  t.equal((await scraped).statusCode, 200)
})

t.test('a look for expired tokens that never ends does not keep the server from closing', async (t) => {
  const { fastify, order, scraped } = await startLooking(t, () => new Promise(() => {}))
  await fastify.close()
  t.strictSame(order, ['issue', 'application closes'])
  t.equal((await scraped).statusCode, 200)
})

t.test('the store closes after everything that uses it', async (t) => {
  const store = new CommandedStore()
  const fastify = Fastify()
  const closed: string[] = []
  const close = store.close.bind(store)
  store.close = async () => {
    closed.push('store')
    await close()
  }
  await fastify.register(oauthTelemetry, { ...OPTIONS, store, metrics: { port: 0 } })
  fastify.addHook('onClose', async () => {
    closed.push('application')
  })
  await fastify.ready()
  await fastify.close()
  t.strictSame(closed, ['application', 'store'])
})

t.test('a subject that cannot be hashed is refused as what it is, and the lost record is counted', async (t) => {
  const fastify = await buildServer(t, { telemetry: { userId: 'hash' } })
  const subject = 5 as unknown as string
  await t.rejects(fastify.oauth.issue({ clientId: 'web', subject }), {
    message: 'the subject must be a non-empty string'
  })
  t.equal((await scrape(fastify)).get('oauth2_telemetry_dropped_total'), 1)
})

t.test('a server that has begun to close looks for no more expired tokens', async (t) => {
  const store = new CommandedStore()
  const lines: { metrics?: AddressInfo }[] = []
  const fastify = Fastify({ logger: { stream: { write: (line) => lines.push(JSON.parse(line)) } } })
  await fastify.register(oauthTelemetry, { ...OPTIONS, store, pruneInterval: 1, metrics: { port: 0 } })
  fastify.addHook('preClose', async () => {
    const port = lines.find(({ metrics }) => metrics !== undefined)?.metrics?.port
    t.equal((await fetch(`http://127.0.0.1:${port}/metrics`)).status, 200, 'who scrapes is still answered')
    await sleep(1500)
  })
  await fastify.ready()
  await fastify.close()
  t.ok(store.calls.includes('countLive'))
  t.notOk(store.calls.includes('prune'))
})

t.test('nor does one whose application fails before ours hears that it closes', async (t) => {
  const store = new CommandedStore()
  const fastify = Fastify()
  fastify.addHook('preClose', async () => {
    throw new Error('the application fails')
  })
  await fastify.register(oauthTelemetry, { ...OPTIONS, store, pruneInterval: 1 })
  await fastify.ready()
  await fastify.close().catch(() => {})
  await sleep(1500)
  t.notOk(store.calls.includes('prune'))
})

t.test('the store closes also where the server never starts', async (t) => {
  for (const wrong of [{ accessTokenTtl: 0 }, { signingAlg: 'HS256' }]) {
    const store = new MemoryStore()
    let closed = 0
    store.close = async () => {
      closed += 1
    }
    const fastify = Fastify()
    await t.rejects(
      async () => fastify.register(oauthTelemetry, Object.assign({}, OPTIONS, { store }, wrong)),
      TypeError
    )
    await fastify.close().catch(() => {})
    t.equal(closed, 1, JSON.stringify(wrong))
  }
})

t.test('a store that does not end does not keep the server from ending', async (t) => {
  const store = new MemoryStore()
  store.close = () => new Promise(() => {})
  const fastify = Fastify()
  await fastify.register(oauthTelemetry, { ...OPTIONS, store, storeTimeout: 0.05 })
  await fastify.ready()
  await t.rejects(fastify.close(), {
    message: 'the store could not be closed: Error: the store did not answer within 0.25 s'
  })
})

t.test('a store that has answered keeps no process from ending, however long it might have taken', async (t) => {
  const { code, output } = await runProcess(t, fixture('closed-process.ts')).ended
  t.equal(code, 0, output)
  t.match(output, /^timers: 0$/m)
})
