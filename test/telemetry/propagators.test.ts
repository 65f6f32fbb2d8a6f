import { propagation, type TextMapPropagator, TraceFlags, trace } from '@opentelemetry/api'
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core'
import t, { type Test } from 'tap'
import { CommandedStore } from '../support/commanded-store.ts'
import { recordLogs } from '../support/logs.ts'
import { buildServer } from '../support/server.ts'
import { idOf, parentOf, recordSpans, spanNamed } from '../support/traces.ts'

const REMOTE = '0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331'
const OTHER = '4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7'
const UNSAMPLED = `00-${REMOTE}-00`

/** A server that is called with a good token and these headers; gives the spans that are made of the call. */
async function call(t: Test, headers: Record<string, string | string[]>, propagator?: TextMapPropagator) {
  const recorded = recordSpans(t)
  if (propagator !== undefined) {
    propagation.disable()
    propagation.setGlobalPropagator(propagator)
  }
  const fastify = await buildServer(t)
  const { access_token } = await fastify.oauth.issue({ clientId: 'web', subject: 'alice' })
  recorded.reset()
  const answer = await fastify.inject({
    url: '/orders',
    headers: { authorization: `Bearer ${access_token}`, ...headers }
  })
  t.equal(answer.statusCode, 200)
  return recorded
}

/** Reads a header of a trace that is recorded, and names only the one that it writes, as the propagator of B3 does. */
const debugging: TextMapPropagator = {
  fields: () => ['x-debug-id'],
  inject: () => {},
  extract(into, carrier, getter) {
    const [traceId = '', spanId = ''] = String(getter.get(carrier, 'x-debug') ?? '').split('-')
    return spanId === ''
      ? into
      : trace.setSpanContext(into, { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true })
  }
}

const both = new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), debugging] })

t.test('an unsampled traceparent is not overruled by a header that could be there', async (t) => {
  t.strictSame((await call(t, { traceparent: UNSAMPLED }, both)).spans(), [])
})

t.test('an unsampled traceparent is overruled by what else the application reads, where that is there', async (t) => {
  const recorded = await call(t, { traceparent: UNSAMPLED, 'X-Debug': OTHER }, both)
  t.equal(parentOf(spanNamed(recorded, 'oauth2.token.validate')), OTHER)
})

for (const flags of ['00', '01']) {
  t.test(`a traceparent (${flags}) is nothing to an application that only sends it`, async (t) => {
    const w3c = new W3CTraceContextPropagator()
    const sending: TextMapPropagator = {
      fields: () => w3c.fields(),
      inject: w3c.inject.bind(w3c),
      extract: (into) => into
    }
    const recorded = await call(t, { traceparent: `00-${REMOTE}-${flags}` }, sending)
    t.equal(parentOf(spanNamed(recorded, 'oauth2.token.validate')), undefined)
  })
}

t.test('a traceparent says nothing to an application that does not read it', async (t) => {
  const recorded = await call(t, { traceparent: UNSAMPLED }, debugging)
  t.equal(parentOf(spanNamed(recorded, 'oauth2.token.validate')), undefined)
})

const [traceId = '', spanId = ''] = REMOTE.split('-')

for (const traceparent of [
  `00-${'0'.repeat(32)}-${spanId}-00`,
  `00-${traceId}-${'0'.repeat(16)}-00`,
  `00-${traceId}-${spanId}`,
  `00-${traceId}-${spanId}-0`,
  `00-${traceId.replace('a', 'x')}-${spanId}-00`,
  `ff-${traceId}-${spanId}-00`,
  ''
]) {
  t.test(`a traceparent that is not valid begins a new trace, which is recorded: "${traceparent}"`, async (t) => {
    const recorded = await call(t, { traceparent })
    t.equal(parentOf(spanNamed(recorded, 'oauth2.token.validate')), undefined)
  })
}

const w3c = new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] })

for (const headers of [{ tracestate: 'a=1' }, { baggage: 'a=1' }, {}]) {
  t.test(`a trace that is not recorded is not, with ${JSON.stringify(headers)} beside it`, async (t) => {
    t.strictSame((await call(t, { traceparent: UNSAMPLED, ...headers }, w3c)).spans(), [])
  })
}

t.test('what else happens in an unsampled trace belongs to it', async (t) => {
  recordSpans(t)
  const log = recordLogs(t)
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store })
  const { access_token } = await fastify.oauth.issue({ clientId: 'web', subject: 'alice' })
  store.goDown()
  const headers = { authorization: `Bearer ${access_token}`, traceparent: UNSAMPLED }
  t.equal((await fastify.inject({ url: '/orders', headers })).statusCode, 503)
  const [record] = log.records()
  t.equal(record?.eventName, 'oauth2.unavailable')
  t.equal(record?.spanContext && idOf(record.spanContext), REMOTE)
})
