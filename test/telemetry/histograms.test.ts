import t from 'tap'
import { samplesOf, scrape } from '../support/metrics.ts'
import { basic, buildServer, postForm, refresh, stoppedClock } from '../support/server.ts'

const AGES = [60, 300, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400, 259_200, 604_800, 1_209_600, 2_592_000]
const PARTS = [0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1]
const DURATIONS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

/** The cumulative buckets that these values make, as Prometheus shows them. */
function bucketsOf(client: string, bounds: number[], values: number[]): Record<string, number> {
  const bucket = (le: string) => `{le="${le}",oauth2_client_id="${client}"}`
  const below = bounds.map((le): [string, number] => [bucket(String(le)), values.filter((value) => value <= le).length])
  return { ...Object.fromEntries(below), [bucket('+Inf')]: values.length }
}

t.test('age and part of lifetime of spent refresh tokens fall into exact buckets, with exact sums', async (t) => {
  const clock = stoppedClock()
  const fastify = await buildServer(t, {
    now: clock.now,
    refreshToken: { idleTtl: 100_000, absoluteTtl: 10_000_000 }
  })
  const issued = await fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  let { refresh_token: token = '' } = issued
  const ages = [0, 60, 61, 3600, 99_000]
  for (const age of ages) {
    clock.advance(age)
    token = (await refresh(fastify, token)).json().refresh_token
  }
  const parts = ages.map((age) => age / 100_000)

  const samples = await scrape(fastify)
  const web = '{oauth2_client_id="web"}'
  t.strictSame(samplesOf(samples, 'oauth2_token_age_at_refresh_bucket'), bucketsOf('web', AGES, ages))
  t.strictSame(samplesOf(samples, 'oauth2_token_age_at_refresh_sum'), { [web]: 102_721 })
  t.strictSame(samplesOf(samples, 'oauth2_token_age_at_refresh_count'), { [web]: 5 })
  t.strictSame(samplesOf(samples, 'oauth2_token_lifetime_at_refresh_bucket'), bucketsOf('web', PARTS, parts))
  const { [web]: sum = 0 } = samplesOf(samples, 'oauth2_token_lifetime_at_refresh_sum')
  t.ok(Math.abs(sum - 1.02721) < 1e-9, `the sum is ${sum}`)
  t.strictSame(samplesOf(samples, 'oauth2_token_lifetime_at_refresh_count'), { [web]: 5 })
})

t.test('a clock that goes back gives an age of 0, never less', async (t) => {
  const clock = stoppedClock()
  const fastify = await buildServer(t, { now: clock.now })
  const { refresh_token = '' } = await fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  clock.advance(-3600)
  t.equal((await refresh(fastify, refresh_token)).statusCode, 200)
  const samples = await scrape(fastify)
  t.strictSame(samplesOf(samples, 'oauth2_token_age_at_refresh_count'), { '{oauth2_client_id="web"}': 1 })
  t.strictSame(samplesOf(samples, 'oauth2_token_age_at_refresh_sum'), { '{oauth2_client_id="web"}': 0 })
})

t.test('refused and repeated refreshes record no age', async (t) => {
  const clock = stoppedClock()
  const fastify = await buildServer(t, { now: clock.now, refreshToken: { graceWindow: 30 } })
  const { refresh_token = '' } = await fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  await refresh(fastify, refresh_token)
  t.equal((await refresh(fastify, refresh_token)).statusCode, 200, 'in the grace window')
  clock.advance(31)
  t.equal((await refresh(fastify, refresh_token)).statusCode, 400, 'after it')
  await refresh(fastify, 'never-issued')
  const samples = await scrape(fastify)
  t.strictSame(samplesOf(samples, 'oauth2_token_age_at_refresh_count'), { '{oauth2_client_id="web"}': 1 })
  t.strictSame(samplesOf(samples, 'oauth2_token_lifetime_at_refresh_count'), { '{oauth2_client_id="web"}': 1 })
})

t.test('the duration of each operation is recorded, with the error of those that failed', async (t) => {
  const fastify = await buildServer(t)
  const issue = () => fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  const { refresh_token = '', access_token } = await issue()
  await refresh(fastify, refresh_token)
  await refresh(fastify, refresh_token)
  const asGateway = { authorization: basic('gateway', 'gateway-secret') }
  await postForm(fastify, '/oauth/introspect', { token: access_token }, asGateway)
  await postForm(fastify, '/oauth/revoke', { token: access_token, client_id: 'web' })
  await t.rejects(fastify.oauth.revokeAll({ reason: 'admin', by: 'admin' }), TypeError)
  await fastify.inject({ url: '/orders', headers: { authorization: `Bearer ${access_token}` } })

  const samples = await scrape(fastify)
  t.strictSame(samplesOf(samples, 'oauth2_token_operation_duration_count'), {
    '{oauth2_operation="issue"}': 2,
    '{oauth2_operation="refresh"}': 1,
    '{error_type="invalid_grant",oauth2_operation="refresh"}': 1,
    '{oauth2_operation="revoke_all"}': 1,
    '{error_type="server_error",oauth2_operation="revoke_all"}': 1,
    '{oauth2_operation="introspect"}': 1,
    '{oauth2_operation="revoke"}': 1
  })
  const buckets = Object.keys(samplesOf(samples, 'oauth2_token_operation_duration_bucket'))
  const bounds = buckets.filter((name) => name.endsWith(',oauth2_operation="introspect"}'))
  t.strictSame(
    bounds.map((name) => /le="([^"]+)"/.exec(name)?.[1]),
    [...DURATIONS.map(String), '+Inf']
  )
  const sums = Object.values(samplesOf(samples, 'oauth2_token_operation_duration_sum'))
  t.ok(
    sums.every((sum) => sum > 0 && sum < 60),
    'durations are in seconds'
  )
})

t.test('durations are seconds: all of them together are no more than what has passed', async (t) => {
  const fastify = await buildServer(t)
  const start = performance.now()
  for (let n = 0; n < 20; n += 1) await fastify.oauth.issue({ clientId: 'web', subject: 'alice' })
  const passed = (performance.now() - start) / 1000
  const sums = samplesOf(await scrape(fastify), 'oauth2_token_operation_duration_sum')
  const sum = sums['{oauth2_operation="issue"}'] ?? Number.NaN
  t.ok(sum > 0 && sum <= passed, `${sum} of ${passed}`)
})
