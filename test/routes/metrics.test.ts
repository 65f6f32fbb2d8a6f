import { setTimeout as sleep } from 'node:timers/promises'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import Fastify from 'fastify'
import t from 'tap'
import oauthTelemetry from '../../lib/index.ts'
import { CommandedStore } from '../support/commanded-store.ts'
import { parseMetrics, scrape } from '../support/metrics.ts'
import { buildServer, OPTIONS } from '../support/server.ts'
import { recordSpans } from '../support/traces.ts'

t.test('/metrics is Prometheus text 0.0.4 with its exact content type', async (t) => {
  const fastify = await buildServer(t)
  const response = await fastify.inject('/metrics')
  t.equal(response.statusCode, 200)
  t.equal(response.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  t.ok(parseMetrics(response.body).has('oauth2_telemetry_dropped_total'))
})

t.test('the resource-server role alone serves it too', async (t) => {
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  await fastify.register(oauthTelemetry, { trust: [{ issuer: 'https://tenant.example', audience: 'https://api' }] })
  const { statusCode, body } = await fastify.inject('/metrics')
  t.equal(statusCode, 200)
  t.ok(parseMetrics(body).has('oauth2_telemetry_dropped_total'))
  t.notMatch(body, 'oauth2_token_active', 'without a store nothing is known of live tokens')
})

const failing: Record<string, () => Promise<never>> = {
  rejects: async () => {
    throw new Error('canary')
  },
  throws: () => {
    throw new Error('canary')
  }
}

for (const [what, collect] of Object.entries(failing)) {
  t.test(`a collection that ${what} is a 503 to try again, not an empty 200`, async (t) => {
    const lines: string[] = []
    const fastify = Fastify({ logger: { stream: { write: (line) => lines.push(line) } } })
    t.teardown(() => fastify.close())
    await fastify.register(oauthTelemetry, { ...OPTIONS, metrics: { exporter: { collect } } })
    const response = await fastify.inject('/metrics')
    t.equal(response.statusCode, 503)
    t.equal(response.headers['retry-after'], '5')
    t.equal(response.body, '')
    t.match(
      lines.map((line) => JSON.parse(line).msg),
      ['the metrics could not be collected']
    )
  })
}

t.test('an exporter that has been shut down is a 503', async (t) => {
  const exporter = new PrometheusExporter({ preventServerStart: true })
  const provider = new MeterProvider({ readers: [exporter] })
  await provider.shutdown()
  const fastify = await buildServer(t, { metrics: { exporter } })
  t.equal((await fastify.inject('/metrics')).statusCode, 503)
})

t.test('a collection that hangs is a 503 before Prometheus gives up', async (t) => {
  const fastify = await buildServer(t, { metrics: { exporter: { collect: () => new Promise(() => {}) } } })
  t.equal((await fastify.inject('/metrics')).statusCode, 503)
})

t.test('a store that hangs costs the live tokens, not the scrape', async (t) => {
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store, storeTimeout: 0.1 })
  store.before = () => new Promise(() => {})
  const { statusCode, body } = await fastify.inject('/metrics')
  t.equal(statusCode, 200)
  t.notMatch(body, 'oauth2_token_active{')
  store.comeBack()
  t.equal((await scrape(fastify)).get('oauth2_telemetry_dropped_total'), 1)
})

t.test('the path can be changed, and false means nowhere', async (t) => {
  for (const metrics of ['/internal/metrics', { path: '/internal/metrics' }]) {
    const fastify = await buildServer(t, { metrics })
    t.equal((await fastify.inject('/internal/metrics')).statusCode, 200)
    t.equal((await fastify.inject('/metrics')).statusCode, 404)
  }
  const nowhere = await buildServer(t, { metrics: false })
  t.equal((await nowhere.inject('/metrics')).statusCode, 404)
  await t.resolves(nowhere.oauth.issue({ clientId: 'web', subject: 'alice' }))
})

t.test('A13: an onRequest guard lets nobody see the metrics who does not pass it', async (t) => {
  const fastify = await buildServer(t, {
    metrics: {
      onRequest: async (request, reply) => {
        if (request.headers.authorization !== 'Bearer scraper') return reply.code(401).send()
        return undefined
      }
    }
  })
  const refused = await fastify.inject('/metrics')
  t.equal(refused.statusCode, 401)
  t.equal(refused.body, '')
  const headers = { authorization: 'Bearer scraper' }
  t.equal((await fastify.inject({ url: '/metrics', headers })).statusCode, 200)
})

t.test('A13: our own guard can be that guard, and several hooks run in their order', async (t) => {
  const order: string[] = []
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  await fastify.register(oauthTelemetry, {
    ...OPTIONS,
    metrics: {
      onRequest: [
        async () => {
          order.push('first')
        },
        async (request, reply) => {
          order.push('second')
          await fastify.oauth.require('orders:read')(request, reply)
        }
      ]
    }
  })
  t.equal((await fastify.inject('/metrics')).statusCode, 401)
  const { access_token } = await fastify.oauth.issue({ clientId: 'web', subject: 'prometheus' })
  const headers = { authorization: `Bearer ${access_token}` }
  t.equal((await fastify.inject({ url: '/metrics', headers })).statusCode, 200)
  t.strictSame(order, ['first', 'second', 'first', 'second'])
})

t.test('a scrape is neither in the request log nor in traces', async (t) => {
  const recorded = recordSpans(t)
  const lines: string[] = []
  const fastify = Fastify({ logger: { level: 'trace', stream: { write: (line) => lines.push(line) } } })
  t.teardown(() => fastify.close())
  const configs: unknown[] = []
  fastify.addHook('onRequest', async ({ routeOptions }) => {
    configs.push(routeOptions.config)
  })
  await fastify.register(oauthTelemetry, OPTIONS)
  fastify.get('/other', async () => ({}))
  await fastify.ready()
  lines.length = 0
  t.equal((await fastify.inject('/metrics')).statusCode, 200)
  t.strictSame(lines, [])
  t.strictSame(recorded.spans(), [])
  t.match(configs, [{ otel: false }], 'what @fastify/otel goes by')
  await fastify.inject('/other')
  t.equal(lines.length, 2, 'other requests are logged')
})

t.test('a bearer guard for the whole application does not guard the metrics', async (t) => {
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  await fastify.register(oauthTelemetry, OPTIONS)
  fastify.addHook('onRequest', fastify.oauth.require())
  fastify.get('/other', async () => ({}))
  t.equal((await fastify.inject('/metrics')).statusCode, 200)
  t.equal((await fastify.inject('/other')).statusCode, 401)
  t.equal((await fastify.inject('/nowhere')).statusCode, 401, 'nor does it fail where there is no route')
})

t.test('scrapes that come while one is collected share the next one, which tells all that has happened', async (t) => {
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store })
  await fastify.ready()
  store.calls.length = 0
  store.before = () => sleep(50)
  const scrapes = Array.from({ length: 50 }, () => scrape(fastify))
  await fastify.oauth.issue({ clientId: 'reports' })
  const last = scrape(fastify)
  await Promise.all(scrapes)
  const issued = 'oauth2_token_issued_total{oauth2_client_id="reports",oauth2_grant_type="direct"}'
  t.equal((await last).get(issued), 1)
  t.ok(store.calls.filter((verb) => verb === 'countLive').length <= 3)
})
