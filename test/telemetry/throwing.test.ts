import {
  type Context,
  context,
  logs,
  type MeterProvider,
  metrics,
  propagation,
  type Span,
  trace
} from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import oauthTelemetry from '../../lib/index.ts'
import { metricRecorder, samplesOf, scrape } from '../support/metrics.ts'
import { buildServer, callOrders, OPTIONS, refresh } from '../support/server.ts'
import { registerTracing } from '../support/traces.ts'

const boom = (): never => {
  throw new Error('canary')
}

/** A token's whole life; every answer must be what it always is. Resolves to how many records were lost on the way. */
async function assertLifeGoesOn(t: Test): Promise<number> {
  const fastify = await buildServer(t)
  const { access_token, refresh_token = '' } = await fastify.oauth.issue({
    clientId: 'web',
    subject: 'alice',
    refreshable: true
  })
  t.equal((await callOrders(fastify, access_token)).statusCode, 200)
  t.equal((await callOrders(fastify, 'not-a-token')).statusCode, 401)
  const successor = await refresh(fastify, refresh_token)
  t.equal(successor.statusCode, 200)
  t.equal((await callOrders(fastify, successor.json().access_token)).statusCode, 200)
  t.strictSame((await refresh(fastify, refresh_token)).json(), {
    error: 'invalid_grant',
    error_description: 'The refresh token is not valid.'
  })
  t.strictSame(await fastify.oauth.revokeAll({ subject: 'alice', reason: 'admin', by: 'admin' }), { revoked: 0 })

  const samples = await scrape(fastify)
  t.equal(samples.get('oauth2_token_refreshed_total{oauth2_client_id="web"}'), 1)
  t.strictSame(samplesOf(samples, 'oauth2_token_age_at_refresh_count'), { '{oauth2_client_id="web"}': 1 })
  t.strictSame(samplesOf(samples, 'oauth2_token_operation_duration_count'), {
    '{oauth2_operation="issue"}': 2,
    '{oauth2_operation="refresh"}': 1,
    '{oauth2_operation="revoke_all"}': 2,
    '{error_type="invalid_grant",oauth2_operation="refresh"}': 1
  })
  return samples.get('oauth2_telemetry_dropped_total') ?? 0
}

t.test('without an SDK nothing is lost', async (t) => {
  t.equal(await assertLifeGoesOn(t), 0)
})

t.test('a meter provider that throws costs its own records only', async (t) => {
  metrics.setGlobalMeterProvider({ getMeter: boom })
  t.teardown(() => metrics.disable())
  t.equal(await assertLifeGoesOn(t), 1, 'once: nothing is recorded there')
})

t.test('instruments that throw cost their own records only', async (t) => {
  const { reader } = metricRecorder()
  t.teardown(() => reader.shutdown())
  const observable = { addCallback: () => {}, removeCallback: () => {} }
  const meter = {
    createHistogram: () => ({ record: boom }),
    createObservableCounter: () => observable,
    createObservableUpDownCounter: () => observable
  }
  metrics.setGlobalMeterProvider({ getMeter: () => meter } as unknown as MeterProvider)
  t.teardown(() => metrics.disable())
  t.equal(await assertLifeGoesOn(t), 8, 'six durations, an age and a part of a lifetime')
})

const brokenSpan = (broken: keyof Span): Span => {
  const span = trace.wrapSpanContext({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 })
  return Object.assign(Object.create(span), { isRecording: () => true, [broken]: boom })
}

const tracers: Record<string, { getTracer: () => never } | { getTracer: () => { startSpan: () => Span } }> = {
  'a tracer provider that throws': { getTracer: boom },
  'a tracer that throws': { getTracer: () => ({ startSpan: boom }) },
  'spans without a context': { getTracer: () => ({ startSpan: () => brokenSpan('spanContext') }) },
  'spans that take no attributes': { getTracer: () => ({ startSpan: () => brokenSpan('setAttributes') }) },
  'spans that take no event': { getTracer: () => ({ startSpan: () => brokenSpan('addEvent') }) },
  'spans that take no link': { getTracer: () => ({ startSpan: () => brokenSpan('addLink') }) },
  'spans that do not end': { getTracer: () => ({ startSpan: () => brokenSpan('end') }) }
}
/** Of a whole life: nine spans are begun, two of them have links, one has an event. A provider is asked once. */
const lost: Record<string, number> = {
  'a tracer provider that throws': 1,
  'spans that take no event': 1,
  'spans that take no link': 2
}

for (const [what, provider] of Object.entries(tracers)) {
  t.test(`${what} cost themselves only, and are counted`, async (t) => {
    trace.setGlobalTracerProvider(provider as unknown as TracerProvider)
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    t.teardown(() => {
      trace.disable()
      context.disable()
    })
    t.equal(await assertLifeGoesOn(t), lost[what] ?? 9)
  })
}

t.test('a logger that throws is counted', async (t) => {
  logs.setGlobalLoggerProvider({ getLogger: () => ({ emit: boom, enabled: () => true }) })
  t.teardown(() => logs.disable())
  t.equal(await assertLifeGoesOn(t), 3, 'one reuse and two revoke-alls')
})

t.test('a span exporter or processor that throws changes nothing', async (t) => {
  await t.test('exporter', async (t) => {
    const exporter = { export: boom, shutdown: async () => {} }
    registerTracing(t, new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }))
    await assertLifeGoesOn(t)
  })
  await t.test('processor', async (t) => {
    const nothing = async () => {}
    const processor = { onStart: (_span: unknown, _parent: Context) => {}, onEnd: boom }
    registerTracing(
      t,
      new TracerProvider({ spanProcessors: [{ ...processor, forceFlush: nothing, shutdown: nothing }] })
    )
    t.equal(await assertLifeGoesOn(t), 9)
  })
})

t.test('a propagator that throws changes nothing', async (t) => {
  propagation.setGlobalPropagator({ extract: boom, inject: boom, fields: () => [] })
  t.teardown(() => propagation.disable())
  t.equal(await assertLifeGoesOn(t), 0)
})

t.test('a tracing plugin that throws changes nothing', async (t) => {
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  fastify.decorateRequest('opentelemetry', boom)
  await fastify.register(oauthTelemetry, OPTIONS)
  fastify.get('/orders', { onRequest: fastify.oauth.require() }, async () => ({}))
  const { access_token, refresh_token = '' } = await fastify.oauth.issue({
    clientId: 'web',
    subject: 'alice',
    refreshable: true
  })
  t.equal((await callOrders(fastify, access_token)).statusCode, 200)
  t.equal((await refresh(fastify, refresh_token)).statusCode, 200)
})
