import t, { type Test } from 'tap'
import type { OAuthTelemetryOptions } from '../../lib/index.ts'
import { CommandedStore } from '../support/commanded-store.ts'
import { samplesOf, scrape } from '../support/metrics.ts'
import { basic, buildServer, postForm, refresh, stoppedClock } from '../support/server.ts'

const positive = (samples: Record<string, number>) =>
  Object.fromEntries(Object.entries(samples).filter(([, value]) => value !== 0))

async function server(t: Test, options: Partial<OAuthTelemetryOptions> = {}) {
  const clock = stoppedClock()
  const fastify = await buildServer(t, { now: clock.now, ...options })
  return {
    fastify,
    clock,
    issue: (subject = 'alice') => fastify.oauth.issue({ clientId: 'web', subject, refreshable: true }),
    counted: async (metric: string) => positive(samplesOf(await scrape(fastify), metric))
  }
}

t.test('issued counts access tokens by any grant, refresh included, and refreshed counts rotations', async (t) => {
  const { fastify, issue, counted } = await server(t)
  const { refresh_token = '' } = await issue()
  await refresh(fastify, refresh_token)
  await postForm(
    fastify,
    '/oauth/token',
    { grant_type: 'client_credentials' },
    { authorization: basic('reports', 'reports-secret') }
  )
  t.strictSame(await counted('oauth2_token_issued_total'), {
    '{oauth2_client_id="web",oauth2_grant_type="direct"}': 1,
    '{oauth2_client_id="web",oauth2_grant_type="refresh_token"}': 1,
    '{oauth2_client_id="reports",oauth2_grant_type="client_credentials"}': 1
  })
  t.strictSame(await counted('oauth2_token_refreshed_total'), { '{oauth2_client_id="web"}': 1 })
})

t.test('nothing is counted as issued or refreshed where nothing was', async (t) => {
  const { fastify, counted } = await server(t)
  await t.rejects(fastify.oauth.issue({ clientId: 'web', subject: 'alice', scope: ['everything'] }))
  await refresh(fastify, 'never-issued')
  await postForm(
    fastify,
    '/oauth/token',
    { grant_type: 'client_credentials', scope: 'everything' },
    { authorization: basic('reports', 'reports-secret') }
  )
  t.strictSame(await counted('oauth2_token_issued_total'), {})
  t.strictSame(await counted('oauth2_token_refreshed_total'), {})
})

t.test('revoked counts tokens that were live, never the number asked for', async (t) => {
  const { fastify, issue, clock, counted } = await server(t, { accessTokenTtl: 60 })
  await issue('alice')
  clock.advance(61)
  await issue('alice')
  await issue('bob')
  const all = { subject: 'alice', reason: 'admin', by: 'admin' }
  t.strictSame(await fastify.oauth.revokeAll(all), { revoked: 3 }, 'two refresh tokens and one live access token')
  t.strictSame(await fastify.oauth.revokeAll(all), { revoked: 0 })
  t.strictSame(await fastify.oauth.revoke({ token: 'never-issued', reason: 'logout', by: 'user' }), { revoked: 0 })
  t.strictSame(await counted('oauth2_token_revoked_total'), {
    '{oauth2_client_id="web",oauth2_revocation_reason="admin"}': 3
  })
})

t.test('a revocation for a reason outside the closed set is counted as _OTHER', async (t) => {
  const { fastify, issue, counted } = await server(t, { revocationReasons: ['offboarding'] })
  const { access_token: first } = await issue()
  const { access_token: second } = await issue()
  await fastify.oauth.revoke({ token: first, reason: 'because', by: 'user' })
  await fastify.oauth.revoke({ token: second, reason: 'offboarding', by: 'user' })
  t.strictSame(await counted('oauth2_token_revoked_total'), {
    '{oauth2_client_id="web",oauth2_revocation_reason="_OTHER"}': 1,
    '{oauth2_client_id="web",oauth2_revocation_reason="offboarding"}': 1
  })
})

t.test('reuse is counted as theft, in a grace window as grace, and after a lost race as race_lost', async (t) => {
  const strict = await server(t)
  const { refresh_token: stolen = '' } = await strict.issue()
  await refresh(strict.fastify, stolen)
  await refresh(strict.fastify, stolen)
  await refresh(strict.fastify, stolen)
  t.strictSame(await strict.counted('oauth2_token_reuse_detected_total'), {
    '{oauth2_client_id="web",oauth2_reuse_outcome="theft"}': 2
  })

  const gentle = await server(t, { refreshToken: { graceWindow: 30 } })
  const { refresh_token: lost = '' } = await gentle.issue()
  await refresh(gentle.fastify, lost)
  const again = await refresh(gentle.fastify, lost)
  t.equal(again.statusCode, 200)
  t.strictSame(await gentle.counted('oauth2_token_reuse_detected_total'), {
    '{oauth2_client_id="web",oauth2_reuse_outcome="grace"}': 1
  })
  t.strictSame(await gentle.counted('oauth2_token_refreshed_total'), { '{oauth2_client_id="web"}': 1 })

  const store = new CommandedStore()
  const racing = await server(t, { store })
  const { refresh_token: raced = '' } = await racing.issue()
  store.gather('rotate', 3)
  const statuses = (await Promise.all([1, 2, 3].map(() => refresh(racing.fastify, raced)))).map((r) => r.statusCode)
  t.strictSame(statuses.sort(), [200, 400, 400])
  const reuse = await racing.counted('oauth2_token_reuse_detected_total')
  t.strictSame(reuse, { '{oauth2_client_id="web",oauth2_reuse_outcome="race_lost"}': 2 }, 'each loser is counted once')
})

t.test('refused counts refusals of the token endpoint by OAuth error code', async (t) => {
  const { fastify, counted } = await server(t)
  const asReports = { authorization: basic('reports', 'reports-secret') }
  await postForm(fastify, '/oauth/token', { grant_type: 'client_credentials', scope: 'everything' }, asReports)
  await postForm(fastify, '/oauth/token', { grant_type: 'made-up-by-the-client' }, asReports)
  await postForm(fastify, '/oauth/token', {}, asReports)
  await postForm(fastify, '/oauth/token', { grant_type: 'refresh_token', refresh_token: 'x' }, asReports)
  await postForm(
    fastify,
    '/oauth/token',
    { grant_type: 'client_credentials' },
    { authorization: basic('reports', 'x') }
  )
  await refresh(fastify, 'never-issued')
  t.strictSame(await counted('oauth2_token_refused_total'), {
    '{error_type="invalid_scope",oauth2_client_id="reports",oauth2_grant_type="client_credentials"}': 1,
    '{error_type="unsupported_grant_type",oauth2_client_id="reports",oauth2_grant_type="_OTHER"}': 1,
    '{error_type="invalid_request",oauth2_client_id="reports",oauth2_grant_type="_OTHER"}': 1,
    '{error_type="unauthorized_client",oauth2_client_id="reports",oauth2_grant_type="refresh_token"}': 1,
    '{error_type="invalid_client",oauth2_client_id="unknown",oauth2_grant_type="_OTHER"}': 1,
    '{error_type="invalid_grant",oauth2_client_id="unknown",oauth2_grant_type="refresh_token"}': 1
  })
})

t.test('refused counts forms that cannot be read, and the connection stays usable', async (t) => {
  const { fastify, counted } = await server(t)
  const bodies = [
    ['a=%zz', 'application/x-www-form-urlencoded'],
    ['grant_type=a&grant_type=b', 'application/x-www-form-urlencoded'],
    ['{}', 'application/json']
  ]
  for (const [body = '', type = ''] of bodies) {
    const response = await postForm(fastify, '/oauth/token', body, { 'content-type': type })
    t.equal(`${response.statusCode} ${response.json().error}`, '400 invalid_request')
    t.not(response.headers.connection, 'close')
  }
  t.strictSame(await counted('oauth2_token_refused_total'), {
    '{error_type="invalid_request",oauth2_client_id="unknown",oauth2_grant_type="_OTHER"}': 3
  })
})

t.test('introspected counts answers by caller and by what they said, and no refused question', async (t) => {
  const store = new CommandedStore()
  const { fastify, issue, counted } = await server(t, { store })
  const { access_token } = await issue()
  const ask = (token: string, id = 'gateway', secret = 'gateway-secret') =>
    postForm(fastify, '/oauth/introspect', { token }, { authorization: basic(id, secret) })
  await ask(access_token)
  await ask('never-issued')
  await ask('never-issued')
  await ask(access_token, 'reports', 'reports-secret')
  await ask(access_token, 'gateway', 'wrong')
  store.goDown()
  t.equal((await ask(access_token)).statusCode, 503)
  store.comeBack()
  t.strictSame(await counted('oauth2_token_introspected_total'), {
    '{oauth2_active="true",oauth2_client_id="gateway"}': 1,
    '{oauth2_active="false",oauth2_client_id="gateway"}': 2
  })
})
