import { context, propagation, ROOT_CONTEXT, type TextMapPropagator, TraceFlags, trace } from '@opentelemetry/api'
import { AlwaysOffSampler, SamplingDecision } from '@opentelemetry/sdk-trace'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import oauthTelemetry from '../../lib/index.ts'
import { CommandedStore } from '../support/commanded-store.ts'
import { scrape } from '../support/metrics.ts'
import { validatedSample } from '../support/resource-server.ts'
import { buildServer, callOrders, OPTIONS, refresh } from '../support/server.ts'
import { idOf, parentOf, recordSpans, spanNamed } from '../support/traces.ts'

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'
const SPAN_ID = 'b7ad6b7169203331'
const REMOTE = `${TRACE_ID}-${SPAN_ID}`
const SAMPLED = `00-${REMOTE}-01`
const UNSAMPLED = `00-${REMOTE}-00`

/** Both kinds of request that make spans, with these headers: a refresh, and a call of a guarded route. */
async function requests(fastify: Awaited<ReturnType<typeof buildServer>>, headers: Record<string, string>) {
  const { access_token, refresh_token = '' } = await context.with(ROOT_CONTEXT, () =>
    fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  )
  return {
    callOrders: () =>
      fastify.inject({ url: '/orders', headers: { authorization: `Bearer ${access_token}`, ...headers } }),
    refresh: () =>
      fastify.inject({
        method: 'POST',
        url: '/oauth/token',
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        payload: `grant_type=refresh_token&client_id=web&refresh_token=${refresh_token}`
      })
  }
}

t.test('a traceparent header is the parent when there is nothing else', async (t) => {
  const recorded = recordSpans(t)
  const fastify = await buildServer(t)
  const { callOrders, refresh } = await requests(fastify, { traceparent: SAMPLED })
  recorded.reset()
  await callOrders()
  t.equal(parentOf(spanNamed(recorded, 'oauth2.token.validate')), REMOTE)
  await refresh()
  const refreshed = spanNamed(recorded, 'oauth2.token.refresh')
  t.equal(parentOf(refreshed), REMOTE)
  t.equal(parentOf(spanNamed(recorded, 'oauth2.token.issue')), idOf(refreshed.spanContext()))
})

t.test('the active span is the parent before any header', async (t) => {
  const recorded = recordSpans(t)
  const fastify = await buildServer(t)
  const { callOrders, refresh } = await requests(fastify, { traceparent: SAMPLED })
  recorded.reset()
  const server = trace.getTracer('test').startSpan('HTTP server')
  await context.with(trace.setSpan(context.active(), server), async () => {
    await callOrders()
    await refresh()
    await fastify.oauth.revokeAll({ subject: 'alice', reason: 'admin', by: 'admin' })
  })
  for (const name of ['oauth2.token.validate', 'oauth2.token.refresh', 'oauth2.token.revoke_all']) {
    t.equal(parentOf(spanNamed(recorded, name)), idOf(server.spanContext()), name)
  }
})

for (const decorator of ['opentelemetry', 'openTelemetry']) {
  t.test(`a tracing plugin's request.${decorator}() is the parent before any header`, async (t) => {
    const recorded = recordSpans(t)
    const span = trace.getTracer('test').startSpan('request')
    const fastify = Fastify()
    t.teardown(() => fastify.close())
    fastify.decorateRequest(decorator, () => ({ span, context: trace.setSpan(ROOT_CONTEXT, span) }))
    await fastify.register(oauthTelemetry, OPTIONS)
    fastify.get('/orders', { onRequest: fastify.oauth.require('orders:read') }, async () => ({}))
    const { callOrders, refresh } = await requests(fastify, { traceparent: SAMPLED })
    recorded.reset()
    await callOrders()
    await refresh()
    t.equal(parentOf(spanNamed(recorded, 'oauth2.token.validate')), idOf(span.spanContext()))
    t.equal(parentOf(spanNamed(recorded, 'oauth2.token.refresh')), idOf(span.spanContext()))
  })
}

t.test('a tracing plugin that has no context for a request leaves the header', async (t) => {
  const recorded = recordSpans(t)
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  fastify.decorateRequest('opentelemetry', () => ({ span: null, context: null }))
  await fastify.register(oauthTelemetry, OPTIONS)
  fastify.get('/orders', { onRequest: fastify.oauth.require() }, async () => ({}))
  const { callOrders } = await requests(fastify, { traceparent: SAMPLED })
  recorded.reset()
  t.equal((await callOrders()).statusCode, 200)
  t.equal(parentOf(spanNamed(recorded, 'oauth2.token.validate')), REMOTE)
})

t.test('under an unsampled parent nothing is made, and everything is counted', async (t) => {
  let asked = 0
  const recorded = recordSpans(t, {
    shouldSample() {
      asked += 1
      return { decision: SamplingDecision.RECORD_AND_SAMPLED }
    },
    toString: () => 'counts the spans that are started'
  })
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store })
  const { callOrders, refresh } = await requests(fastify, { traceparent: UNSAMPLED })
  t.equal(asked, 1, 'the span of the issue')
  recorded.reset()
  await callOrders()
  const { statusCode } = await refresh()
  t.equal(statusCode, 200)
  t.equal(asked, 1, 'no other span is started')
  t.strictSame(recorded.spans(), [])
  const samples = await scrape(fastify)
  t.equal(samples.get(validatedSample(undefined, 'web')), 1)
  t.equal(samples.get('oauth2_token_refreshed_total{oauth2_client_id="web"}'), 1)
  const traces = store.written.flatMap((row) => ('trace' in row && row.trace !== undefined ? [row.trace] : []))
  t.strictSame(traces.slice(-3), [UNSAMPLED, UNSAMPLED, UNSAMPLED], 'the tokens remember the request all the same')
})

t.test('a route with config { otel: false } has no span, and is counted', async (t) => {
  const recorded = recordSpans(t)
  const fastify = await buildServer(t)
  const { access_token } = await fastify.oauth.issue({ clientId: 'web', subject: 'alice' })
  fastify.get('/quiet', { config: { otel: false }, onRequest: fastify.oauth.require() }, async () => ({}))
  recorded.reset()
  const headers = { authorization: `Bearer ${access_token}`, traceparent: SAMPLED }
  t.equal((await fastify.inject({ url: '/quiet', headers })).statusCode, 200)
  t.strictSame(recorded.spans(), [])
  t.equal((await scrape(fastify)).get(validatedSample(undefined, 'web')), 1)
})

t.test('what the sampler drops and what no SDK records is counted all the same', async (t: Test) => {
  const check = async (what: string) => {
    const store = new CommandedStore()
    const fastify = await buildServer(t, { store })
    const issued = await fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
    await callOrders(fastify, issued.access_token)
    t.equal((await refresh(fastify, issued.refresh_token ?? '')).statusCode, 200, what)
    t.equal((await scrape(fastify)).get(validatedSample(undefined, 'web')), 1, what)
    return store.written
  }
  const without = await check('without an SDK')
  t.ok(without.length >= 4)
  t.ok(
    without.every(({ trace: stored }) => stored === undefined),
    'no trace context is kept where there is none'
  )
  const recorded = recordSpans(t, new AlwaysOffSampler())
  await check('with a sampler that drops everything')
  t.strictSame(recorded.spans(), [])
})

/** Finds its header among all there are, as propagators of prefixed headers do. */
const searching: TextMapPropagator = {
  fields: () => [],
  inject: () => {},
  extract(into, carrier, getter) {
    const header = getter.keys(carrier).find((name) => name.startsWith('x-trace-'))
    const value = header === undefined ? undefined : getter.get(carrier, header)
    const [traceId = '', spanId = ''] = String(value).split('-')
    return trace.setSpanContext(into, { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true })
  }
}

t.test('a propagator may look for its header among all', async (t) => {
  const recorded = recordSpans(t)
  propagation.disable()
  propagation.setGlobalPropagator(searching)
  const fastify = await buildServer(t)
  const { callOrders } = await requests(fastify, { 'X-Trace-Here': REMOTE })
  await callOrders()
  t.equal(parentOf(spanNamed(recorded, 'oauth2.token.validate')), REMOTE)
})

t.test('a tracestate in two headers is one', async (t) => {
  const recorded = recordSpans(t)
  const fastify = await buildServer(t)
  const { access_token } = await fastify.oauth.issue({ clientId: 'web', subject: 'alice' })
  recorded.reset()
  await fastify.inject({
    url: '/orders',
    headers: { authorization: `Bearer ${access_token}`, traceparent: SAMPLED, tracestate: ['a=1', 'b=2'] }
  })
  const { traceState } = spanNamed(recorded, 'oauth2.token.validate').spanContext()
  t.equal(traceState?.serialize(), 'a=1,b=2')
})

t.test("the active span is the parent before a tracing plugin's context too", async (t) => {
  const recorded = recordSpans(t)
  const tracer = trace.getTracer('test')
  const [active, plugin] = [tracer.startSpan('active'), tracer.startSpan('plugin')]
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  fastify.decorateRequest('opentelemetry', () => ({ span: plugin, context: trace.setSpan(ROOT_CONTEXT, plugin) }))
  await fastify.register(oauthTelemetry, OPTIONS)
  fastify.get('/orders', { onRequest: fastify.oauth.require() }, async () => ({}))
  await fastify.ready()
  const { callOrders } = await requests(fastify, {})
  recorded.reset()
  await context.with(trace.setSpan(context.active(), active), async () => {
    await callOrders()
  })
  t.equal(parentOf(spanNamed(recorded, 'oauth2.token.validate')), idOf(active.spanContext()))
})
