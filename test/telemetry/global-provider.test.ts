import { context, logs, metrics, propagation, trace } from '@opentelemetry/api'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { AggregationTemporality, MeterProvider, type MetricData } from '@opentelemetry/sdk-metrics'
import { NodeSDK } from '@opentelemetry/sdk-node'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import oauthTelemetry from '../../lib/index.ts'
import { metricRecorder, parseMetrics, registerMeterProvider, type Samples, scrape } from '../support/metrics.ts'
import { buildServer, callOrders, OPTIONS, refresh } from '../support/server.ts'

/** Exported data as a scrape would show it; histograms by their counts and sums. */
function asSamples(found: ReadonlyMap<string, MetricData>): Record<string, number> {
  const samples: Record<string, number> = {}
  for (const [name, data] of found) {
    const suffix = 'isMonotonic' in data && data.isMonotonic ? '_total' : ''
    for (const { attributes, value } of data.dataPoints) {
      const pairs = Object.entries(attributes).map(([key, item]) => `${key.replaceAll('.', '_')}="${item}"`)
      const labels = pairs.length === 0 ? '' : `{${pairs.sort().join(',')}}`
      const metric = name.replaceAll('.', '_')
      if (typeof value === 'number') samples[`${metric}${suffix}${labels}`] = value
      else samples[`${metric}_count${labels}`] = (value as { count: number }).count
    }
  }
  return samples
}

/** What of a scrape `asSamples` shows too. */
function comparable(samples: Samples): Record<string, number> {
  return Object.fromEntries([...samples].filter(([name]) => !/_(bucket|sum)\b/.test(name)))
}

/** Some of everything, and how often. */
async function live(fastify: Parameters<typeof scrape>[0]) {
  const issue = () => fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  const { access_token, refresh_token = '' } = await issue()
  await callOrders(fastify, access_token)
  await callOrders(fastify, 'not-a-token')
  await refresh(fastify, refresh_token)
  await refresh(fastify, refresh_token)
  await issue()
}

t.test('the global provider and /metrics both have everything, once', async (t) => {
  const recorder = metricRecorder()
  registerMeterProvider(t, recorder.reader)
  const fastify = await buildServer(t)
  await live(fastify)
  for (const time of ['first', 'second']) {
    const scraped = comparable(await scrape(fastify))
    t.equal(scraped['oauth2_token_issued_total{oauth2_client_id="web",oauth2_grant_type="direct"}'], 2)
    t.equal(scraped['oauth2_token_age_at_refresh_count{oauth2_client_id="web"}'], 1)
    t.equal(scraped['oauth2_token_active{oauth2_client_id="web",oauth2_token_type="refresh"}'], 1)
    t.strictSame(asSamples(await recorder.collect()), scraped, `${time} collection`)
  }
})

t.test('an exporter of deltas gets each thing once', async (t) => {
  const recorder = metricRecorder(AggregationTemporality.DELTA)
  registerMeterProvider(t, recorder.reader)
  const fastify = await buildServer(t)
  const issued = 'oauth2_token_issued_total{oauth2_client_id="web",oauth2_grant_type="direct"}'
  const collected: (number | undefined)[] = []
  await fastify.oauth.issue({ clientId: 'web', subject: 'alice' })
  collected.push(asSamples(await recorder.collect())[issued])
  collected.push(asSamples(await recorder.collect())[issued])
  await fastify.oauth.issue({ clientId: 'web', subject: 'alice' })
  await fastify.oauth.issue({ clientId: 'web', subject: 'alice' })
  collected.push(asSamples(await recorder.collect())[issued])
  t.strictSame(collected, [1, 0, 2])
  t.equal((await scrape(fastify)).get(issued), 3)
})

t.test('a provider that is registered after us and before the server is ready gets everything', async (t) => {
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  await fastify.register(oauthTelemetry, OPTIONS)
  fastify.get('/orders', { onRequest: fastify.oauth.require() }, async () => ({}))
  const recorder = metricRecorder()
  registerMeterProvider(t, recorder.reader)
  await fastify.ready()
  await live(fastify)
  const scraped = comparable(await scrape(fastify))
  t.equal(scraped['oauth2_token_issued_total{oauth2_client_id="web",oauth2_grant_type="direct"}'], 2)
  t.strictSame(asSamples(await recorder.collect()), scraped)
})

/** An application whose NodeSDK has a PrometheusExporter, and knows all about the process. */
function ownExporter(t: Test): PrometheusExporter {
  const exporter = new PrometheusExporter({ preventServerStart: true })
  const sdk = new NodeSDK({
    serviceName: 'canary-service',
    metricReaders: [exporter],
    spanProcessors: [],
    logRecordProcessors: [],
    instrumentations: []
  })
  sdk.start()
  t.teardown(async () => {
    await sdk.shutdown()
    for (const api of [metrics, trace, context, propagation, logs]) api.disable()
  })
  return exporter
}

t.test('with the exporter the application has, /metrics shows its metrics and ours, each once', async (t) => {
  const exporter = ownExporter(t)
  metrics.getMeter('app').createCounter('app.orders', { description: 'Orders' }).add(7)
  const fastify = await buildServer(t, { metrics: { exporter } })
  await live(fastify)
  const samples = await scrape(fastify)
  t.equal(samples.get('app_orders_total'), 7)
  t.equal(samples.get('oauth2_token_issued_total{oauth2_client_id="web",oauth2_grant_type="direct"}'), 2)
  t.equal(samples.get('oauth2_token_age_at_refresh_count{oauth2_client_id="web"}'), 1)
  t.equal(samples.get('oauth2_token_active{oauth2_client_id="web",oauth2_token_type="refresh"}'), 1)
  const { body } = await fastify.inject('/metrics')
  const names = body.split('\n').filter((line) => line.startsWith('# TYPE'))
  t.equal(new Set(names).size, names.length, 'no family twice')
  const lines = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  t.equal(new Set(lines.map((line) => line.replace(/ \S+$/, ''))).size, lines.length, 'no series twice')
})

t.test('/metrics tells nothing about the process, whoever owns the exporter', async (t) => {
  const exporter = ownExporter(t)
  for (const options of [{}, { metrics: { exporter } }]) {
    const { body } = await (await buildServer(t, options)).inject('/metrics')
    t.ok(parseMetrics(body).size > 10)
    t.notMatch(body, /target_info|canary|command|host|process|service|telemetry_sdk/)
  }
})

t.test('an exporter outside the global provider has nothing to show: 503, not an empty 200', async (t) => {
  const exporter = new PrometheusExporter({ preventServerStart: true })
  const provider = new MeterProvider({ readers: [exporter] })
  t.teardown(() => provider.shutdown())
  const fastify = await buildServer(t, { metrics: { exporter } })
  t.equal((await fastify.inject('/metrics')).statusCode, 503)
})
