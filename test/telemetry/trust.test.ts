import { context, propagation, trace } from '@opentelemetry/api'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import t from 'tap'
import type { TraceTrust } from '../../lib/index.ts'
import { buildServer } from '../support/server.ts'
import { idOf, parentOf, recordSpans, sayingOf, spanNamed } from '../support/traces.ts'

const REMOTE = '0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331'
const traceparent = `00-${REMOTE}-01`

async function callAndRefresh(fastify: FastifyInstance, reset: () => void, headers: Record<string, string>) {
  const issued = await fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  reset()
  const { access_token, refresh_token } = issued
  const call = await fastify.inject({
    url: '/orders',
    headers: { authorization: `Bearer ${access_token}`, ...headers }
  })
  const refreshed = await fastify.inject({
    method: 'POST',
    url: '/oauth/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    payload: `grant_type=refresh_token&client_id=web&refresh_token=${refresh_token}`
  })
  return [call.statusCode, refreshed.statusCode]
}

t.test('an untrusted caller gets a new root, linked to its trace; only the root is linked', async (t) => {
  const recorded = recordSpans(t)
  const fastify = await buildServer(t, { telemetry: { trustIncomingTrace: false } })
  t.strictSame(await callAndRefresh(fastify, recorded.reset, { traceparent }), [200, 200])
  const validated = spanNamed(recorded, 'oauth2.token.validate')
  const refreshed = spanNamed(recorded, 'oauth2.token.refresh')
  for (const span of [validated, refreshed]) {
    t.equal(parentOf(span), undefined, `${span.name} is a root`)
    t.not(span.spanContext().traceId, REMOTE.slice(0, 32))
    t.equal(sayingOf(span).links[0], REMOTE)
  }
  const issued = spanNamed(recorded, 'oauth2.token.issue')
  t.equal(parentOf(issued), idOf(refreshed.spanContext()))
  t.strictSame(issued.links, [])
})

t.test('an untrusted caller cannot switch our spans off', async (t) => {
  const recorded = recordSpans(t)
  const fastify = await buildServer(t, { telemetry: { trustIncomingTrace: false } })
  await callAndRefresh(fastify, recorded.reset, { traceparent: `00-${REMOTE}-00` })
  t.equal(recorded.spans().length, 3)
})

t.test('without a header there is nothing to link to', async (t) => {
  const recorded = recordSpans(t)
  const fastify = await buildServer(t, { telemetry: { trustIncomingTrace: false } })
  await callAndRefresh(fastify, recorded.reset, {})
  t.strictSame(spanNamed(recorded, 'oauth2.token.validate').links, [])
  await callAndRefresh(fastify, recorded.reset, { traceparent: 'nonsense' })
  t.strictSame(spanNamed(recorded, 'oauth2.token.validate').links, [])
})

t.test('a function decides request by request', async (t) => {
  const recorded = recordSpans(t)
  const fastify = await buildServer(t, {
    telemetry: { trustIncomingTrace: ({ headers }: FastifyRequest) => headers['x-from'] === 'gateway' }
  })
  await callAndRefresh(fastify, recorded.reset, { traceparent, 'x-from': 'gateway' })
  t.equal(parentOf(spanNamed(recorded, 'oauth2.token.validate')), REMOTE)
  await callAndRefresh(fastify, recorded.reset, { traceparent })
  t.equal(parentOf(spanNamed(recorded, 'oauth2.token.validate')), undefined)
})

t.test('a function that throws, or answers with anything but true, trusts nobody and refuses nobody', async (t) => {
  const careless: TraceTrust[] = [
    () => {
      throw new Error('canary')
    },
    (async () => true) as unknown as () => boolean
  ]
  for (const trustIncomingTrace of careless) {
    const recorded = recordSpans(t)
    const fastify = await buildServer(t, { telemetry: { trustIncomingTrace } })
    t.strictSame(await callAndRefresh(fastify, recorded.reset, { traceparent }), [200, 200])
    t.equal(parentOf(spanNamed(recorded, 'oauth2.token.validate')), undefined)
    trace.disable()
    context.disable()
    propagation.disable()
  }
})

t.test('an active span is our own: it is the parent, trusted caller or not', async (t) => {
  const recorded = recordSpans(t)
  const fastify = await buildServer(t, { telemetry: { trustIncomingTrace: false } })
  const server = trace.getTracer('test').startSpan('HTTP server')
  await context.with(trace.setSpan(context.active(), server), () =>
    callAndRefresh(fastify, recorded.reset, { traceparent })
  )
  t.equal(parentOf(spanNamed(recorded, 'oauth2.token.validate')), idOf(server.spanContext()))
})
