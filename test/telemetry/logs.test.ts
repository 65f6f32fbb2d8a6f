import { context, trace } from '@opentelemetry/api'
import t from 'tap'
import { CommandedStore } from '../support/commanded-store.ts'
import { recordLogs } from '../support/logs.ts'
import { basic, buildServer, callOrders, postForm, refresh, stoppedClock } from '../support/server.ts'
import { idOf, recordSpans, spanNamed } from '../support/traces.ts'

const START = 1_800_000_000

/** A log record without its times, and with the span it belongs to. */
const logged = (log: ReturnType<typeof recordLogs>) =>
  log.records().map(({ eventName, severityNumber, attributes, spanContext, instrumentationScope }) => ({
    eventName,
    severityNumber,
    attributes,
    span: spanContext && idOf(spanContext),
    scope: instrumentationScope.name
  }))

t.test('a reuse and its revoke-all are log records in the context of their spans', async (t) => {
  const recorded = recordSpans(t)
  const log = recordLogs(t)
  const clock = stoppedClock(START)
  const fastify = await buildServer(t, { now: clock.now })
  const { refresh_token = '' } = await fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  await refresh(fastify, refresh_token)
  t.strictSame(logged(log), [], 'ordinary life is not logged')
  recorded.reset()
  await refresh(fastify, refresh_token)
  t.strictSame(logged(log), [
    {
      eventName: 'oauth2.token.revoke_all',
      severityNumber: 13,
      attributes: {
        'oauth2.user_id': 'alice',
        'oauth2.revocation.reason': 'security_incident',
        'oauth2.revocation.by': 'reuse_detection',
        'oauth2.tokens_revoked': 3
      },
      span: idOf(spanNamed(recorded, 'oauth2.token.revoke_all').spanContext()),
      scope: 'oauth2.tokens'
    },
    {
      eventName: 'refresh_token_reuse_detected',
      severityNumber: 17,
      attributes: {
        'oauth2.client_id': 'web',
        'oauth2.user_id': 'alice',
        'oauth2.original_issued_at': String(START)
      },
      span: idOf(spanNamed(recorded, 'oauth2.token.refresh').spanContext()),
      scope: 'oauth2.tokens'
    }
  ])
})

t.test('a refusal because something of ours is down is a log record, wherever it is refused', async (t) => {
  const recorded = recordSpans(t)
  const log = recordLogs(t)
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store })
  const { access_token, refresh_token = '' } = await fastify.oauth.issue({
    clientId: 'web',
    subject: 'alice',
    refreshable: true
  })
  store.goDown()
  const ask: Record<string, () => Promise<{ statusCode: number }>> = {
    validate: () => callOrders(fastify, access_token),
    refresh: () => refresh(fastify, refresh_token),
    revoke: () => postForm(fastify, '/oauth/revoke', { token: refresh_token, client_id: 'web' }),
    introspect: () =>
      postForm(
        fastify,
        '/oauth/introspect',
        { token: access_token },
        { authorization: basic('gateway', 'gateway-secret') }
      ),
    issue: () =>
      postForm(
        fastify,
        '/oauth/token',
        { grant_type: 'client_credentials' },
        { authorization: basic('reports', 'reports-secret') }
      ),
    revoke_all: async () => {
      const failing = fastify.oauth.revokeAll({ subject: 'alice', reason: 'admin', by: 'admin' })
      return failing.then(
        () => ({ statusCode: 200 }),
        ({ status }) => ({ statusCode: status })
      )
    }
  }
  for (const [operation, request] of Object.entries(ask)) {
    recorded.reset()
    log.reset()
    const server = trace.getTracer('test').startSpan('HTTP server')
    const { statusCode } = await context.with(trace.setSpan(context.active(), server), async () => request())
    t.equal(statusCode, 503)
    const inside = spanNamed(recorded, `oauth2.token.${operation}`)
    t.strictSame(
      logged(log),
      [
        {
          eventName: 'oauth2.unavailable',
          severityNumber: 17,
          attributes: { 'oauth2.operation': operation },
          span: idOf(inside.spanContext()),
          scope: 'oauth2.tokens'
        }
      ],
      operation
    )
  }
})

t.test('so is a refusal of the token endpoint that no verb has told of', async (t) => {
  const log = recordLogs(t)
  let down = false
  const fastify = await buildServer(t, {
    clients: async (id) => {
      if (down && id !== 'app') throw new Error('no connection')
      return { id, secret: 'secret', grants: ['urn:example:login', 'client_credentials'] }
    },
    grants: {
      'urn:example:login': async () => {
        await server.oauth.issue({ clientId: 'other' })
        return {}
      }
    }
  })
  const server = fastify
  down = true
  for (const [id, grant_type] of [
    ['reports', 'client_credentials'],
    ['app', 'urn:example:login']
  ] as const) {
    log.reset()
    await postForm(fastify, '/oauth/token', { grant_type }, { authorization: basic(id, 'secret') })
    t.match(logged(log), [{ eventName: 'oauth2.unavailable', attributes: { 'oauth2.operation': 'token' } }], id)
    t.equal(logged(log).length, 1)
  }
})

t.test('refusals that are nobody’s outage are no log records', async (t) => {
  const log = recordLogs(t)
  const fastify = await buildServer(t, { failedAttempts: { max: 1, window: 60 } })
  const guess = () =>
    postForm(fastify, '/oauth/token', { grant_type: 'client_credentials' }, { authorization: basic('reports', 'x') })
  t.equal((await guess()).statusCode, 401)
  t.equal((await guess()).statusCode, 429)
  t.equal((await refresh(fastify, 'never-issued')).statusCode, 400)
  t.equal((await callOrders(fastify, 'not-a-token')).statusCode, 401)
  await t.rejects(fastify.oauth.revokeAll({ reason: 'admin', by: 'admin' }))
  t.strictSame(logged(log), [])
})
