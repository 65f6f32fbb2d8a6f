import { SpanKind, trace } from '@opentelemetry/api'
import t, { type Test } from 'tap'
import type { OAuthTelemetryOptions } from '../../lib/index.ts'
import { CommandedStore } from '../support/commanded-store.ts'
import { basic, buildServer, callOrders, postForm, refresh, stoppedClock } from '../support/server.ts'
import { idOf, parentOf, recordSpans, sayingOf, spanNamed } from '../support/traces.ts'

const START = 1_800_000_000

async function tracedServer(t: Test, options: Partial<OAuthTelemetryOptions> = {}) {
  const recorded = recordSpans(t)
  const clock = stoppedClock(START)
  const fastify = await buildServer(t, { now: clock.now, ...options })
  const issue = () => fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  const jtiOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).jti
  return { recorded, clock, fastify, issue, jtiOf }
}

t.test('oauth2.token.issue says who got what', async (t) => {
  const { recorded, fastify, issue, jtiOf } = await tracedServer(t)
  const { access_token } = await issue()
  const span = spanNamed(recorded, 'oauth2.token.issue')
  t.strictSame(sayingOf(span), {
    attributes: {
      'oauth2.client_id': 'web',
      'oauth2.user_id': 'alice',
      'oauth2.grant_type': 'direct',
      'oauth2.scopes': 'orders:read,orders:write',
      'oauth2.access_token_id': jtiOf(access_token),
      'oauth2.token_ttl_seconds': 3600
    },
    status: 'UNSET',
    events: [],
    links: []
  })
  t.equal(span.kind, SpanKind.INTERNAL)
  t.equal(span.instrumentationScope.name, 'oauth2.tokens')
  t.equal(parentOf(span), undefined)

  recorded.reset()
  await postForm(
    fastify,
    '/oauth/token',
    { grant_type: 'client_credentials', scope: 'orders:read' },
    { authorization: basic('reports', 'reports-secret') }
  )
  const { attributes } = spanNamed(recorded, 'oauth2.token.issue')
  t.notOk('oauth2.user_id' in attributes, 'a client that acts for itself is no user')
  t.equal(attributes['oauth2.grant_type'], 'client_credentials')
  t.equal(attributes['oauth2.scopes'], 'orders:read')
})

t.test('issuing is an error only when we failed', async (t) => {
  const store = new CommandedStore()
  const { recorded, fastify, issue } = await tracedServer(t, { store })
  store.goDown()
  await t.rejects(issue())
  const { attributes, status } = sayingOf(spanNamed(recorded, 'oauth2.token.issue'))
  t.equal(status, 'ERROR temporarily_unavailable')
  t.equal(attributes['error.type'], 'temporarily_unavailable')
  t.notOk('oauth2.access_token_id' in attributes, 'nothing was issued')

  store.comeBack()
  recorded.reset()
  const { subject, clientId } = { subject: 'reports', clientId: 'web' }
  await t.rejects(fastify.oauth.issue({ clientId, subject }), { code: 'invalid_request' })
  const refused = sayingOf(spanNamed(recorded, 'oauth2.token.issue'))
  t.equal(refused.status, 'UNSET')
  t.equal(refused.attributes['error.type'], 'invalid_request')
})

t.test('oauth2.token.revoke says what was revoked, why and by whom', async (t) => {
  const { recorded, clock, fastify, issue, jtiOf } = await tracedServer(t)
  const { access_token } = await issue()
  clock.advance(42)
  await postForm(fastify, '/oauth/revoke', { token: access_token, client_id: 'web' })
  const issued = spanNamed(recorded, 'oauth2.token.issue')
  t.strictSame(sayingOf(spanNamed(recorded, 'oauth2.token.revoke')), {
    attributes: {
      'oauth2.client_id': 'web',
      'oauth2.token_id': jtiOf(access_token),
      'oauth2.revocation.reason': 'client_request',
      'oauth2.revocation.by': 'web',
      'oauth2.token_lifetime_seconds': 42,
      'oauth2.tokens_revoked': 1
    },
    status: 'UNSET',
    events: [],
    links: [idOf(issued.spanContext())]
  })
})

t.test('oauth2.token.revoke of a token nobody knows tells nothing about it', async (t) => {
  const { recorded, fastify } = await tracedServer(t)
  await fastify.oauth.revoke({ token: 'never-issued', reason: 'logout', by: 'user' })
  t.strictSame(sayingOf(spanNamed(recorded, 'oauth2.token.revoke')), {
    attributes: { 'oauth2.revocation.reason': 'logout', 'oauth2.revocation.by': 'user', 'oauth2.tokens_revoked': 0 },
    status: 'UNSET',
    events: [],
    links: []
  })
})

t.test('oauth2.token.revoke_all says whose tokens, why, by whom and how many', async (t) => {
  const { recorded, fastify, issue } = await tracedServer(t)
  await issue()
  await issue()
  await fastify.oauth.revokeAll({ subject: 'alice', reason: 'admin', by: 'carol' })
  t.strictSame(sayingOf(spanNamed(recorded, 'oauth2.token.revoke_all')), {
    attributes: {
      'oauth2.user_id': 'alice',
      'oauth2.revocation.reason': 'admin',
      'oauth2.revocation.by': 'carol',
      'oauth2.tokens_revoked': 4
    },
    status: 'UNSET',
    events: [],
    links: []
  })
  recorded.reset()
  await fastify.oauth.revokeAll({ clientId: 'web', reason: 'admin', by: 'carol' })
  const { attributes } = spanNamed(recorded, 'oauth2.token.revoke_all')
  t.equal(attributes['oauth2.client_id'], 'web')
  t.equal(attributes['oauth2.tokens_revoked'], 0)
})

t.test('oauth2.token.introspect says who asked and what the answer was', async (t) => {
  const store = new CommandedStore()
  const { recorded, fastify, issue } = await tracedServer(t, { store })
  const { access_token } = await issue()
  const asGateway = { authorization: basic('gateway', 'gateway-secret') }
  const ask = (token: string) => postForm(fastify, '/oauth/introspect', { token }, asGateway)
  await ask(access_token)
  t.strictSame(sayingOf(spanNamed(recorded, 'oauth2.token.introspect')), {
    attributes: { 'oauth2.client_id': 'gateway', 'oauth2.active': true },
    status: 'UNSET',
    events: [],
    links: []
  })
  recorded.reset()
  store.goDown()
  t.equal((await ask(access_token)).statusCode, 503)
  t.strictSame(sayingOf(spanNamed(recorded, 'oauth2.token.introspect')), {
    attributes: { 'oauth2.client_id': 'gateway', 'error.type': 'temporarily_unavailable' },
    status: 'ERROR temporarily_unavailable',
    events: [],
    links: []
  })
})

t.test('no span is left open or unended, and the handler of a guarded route is not inside ours', async (t) => {
  const { recorded, fastify, issue } = await tracedServer(t)
  fastify.get('/inside', { onRequest: fastify.oauth.require() }, async () => ({
    span: trace.getActiveSpan()?.spanContext().spanId ?? null
  }))
  const { access_token, refresh_token = '' } = await issue()
  const authorization = `Bearer ${access_token}`
  t.strictSame((await fastify.inject({ url: '/inside', headers: { authorization } })).json(), { span: null })
  await refresh(fastify, refresh_token)
  await callOrders(fastify, 'not-a-token')
  t.strictSame(
    recorded.spans().map(({ name, ended }) => [name, ended]),
    [
      ['oauth2.token.issue', true],
      ['oauth2.token.validate', true],
      ['oauth2.token.issue', true],
      ['oauth2.token.refresh', true],
      ['oauth2.token.validate', true]
    ]
  )
})

t.test('what fails in us is an error of the span: server_error', async (t) => {
  const { recorded, fastify } = await tracedServer(t)
  await t.rejects(fastify.oauth.issue(JSON.parse('{"clientId":"web","subject":42}')), { name: 'TypeError' })
  const { attributes, status } = sayingOf(spanNamed(recorded, 'oauth2.token.issue'))
  t.equal(status, 'ERROR server_error')
  t.equal(attributes['error.type'], 'server_error')
})
