import { DataPointType, type MetricData } from '@opentelemetry/sdk-metrics'
import t, { type Test } from 'tap'
import { metricRecorder, registerMeterProvider } from '../support/metrics.ts'
import { basic, buildServer, callOrders, postForm, refresh, stoppedClock } from '../support/server.ts'

/** Everything that can happen, once: afterwards every instrument has data. */
async function wholeLife(t: Test) {
  const recorder = metricRecorder()
  registerMeterProvider(t, recorder.reader)
  const clock = stoppedClock()
  const fastify = await buildServer(t, { now: clock.now, accessTokenTtl: 60 })
  const issue = () => fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  const { refresh_token: first = '', access_token } = await issue()
  await callOrders(fastify, access_token)
  await refresh(fastify, first)
  await refresh(fastify, first)
  await postForm(
    fastify,
    '/oauth/introspect',
    { token: access_token },
    { authorization: basic('gateway', 'gateway-secret') }
  )
  await issue()
  clock.advance(3600)
  await fastify.inject('/metrics')
  return { fastify, recorder }
}

const kinds = {
  [DataPointType.SUM]: 'sum',
  [DataPointType.HISTOGRAM]: 'histogram',
  [DataPointType.GAUGE]: 'gauge',
  [DataPointType.EXPONENTIAL_HISTOGRAM]: 'exponential histogram'
}

const summary = (metric: MetricData) => {
  const monotonic = 'isMonotonic' in metric ? ` monotonic=${metric.isMonotonic}` : ''
  const keys = new Set(metric.dataPoints.flatMap(({ attributes }) => Object.keys(attributes)))
  return `${kinds[metric.dataPointType]}${monotonic} ${metric.descriptor.unit} ${[...keys].sort().join(' ')}`.trim()
}

t.test('every instrument has its name, kind, unit and closed set of attributes', async (t) => {
  const { recorder } = await wholeLife(t)
  const found = await recorder.collect()
  const validated = 'oauth2.client_id oauth2.validation.reason oauth2.validation.result'
  t.strictSame(Object.fromEntries([...found].map(([name, metric]) => [name, summary(metric)])), {
    'oauth2.token.issued': 'sum monotonic=true {token} oauth2.client_id oauth2.grant_type',
    'oauth2.token.refreshed': 'sum monotonic=true {token} oauth2.client_id',
    'oauth2.token.revoked': 'sum monotonic=true {token} oauth2.client_id oauth2.revocation.reason',
    'oauth2.token.validated': `sum monotonic=true {token} ${validated}`,
    'oauth2.token.age_at_refresh': 'histogram s oauth2.client_id',
    'oauth2.token.active': 'sum monotonic=false {token} oauth2.client_id oauth2.token.type',
    'oauth2.token.lifetime_at_refresh': 'histogram 1 oauth2.client_id',
    'oauth2.token.reuse_detected': 'sum monotonic=true {token} oauth2.client_id oauth2.reuse.outcome',
    'oauth2.token.refused': 'sum monotonic=true {request} error.type oauth2.client_id oauth2.grant_type',
    'oauth2.token.expired': 'sum monotonic=true {token} oauth2.client_id oauth2.token.type',
    'oauth2.token.introspected': 'sum monotonic=true {request} oauth2.active oauth2.client_id',
    'oauth2.token.operation.duration': 'histogram s error.type oauth2.operation',
    'oauth2.telemetry.clients_folded': 'sum monotonic=true {token}',
    'oauth2.telemetry.dropped': 'sum monotonic=true {record}'
  })
})

t.test('Prometheus sees each with its name, type and unit', async (t) => {
  const { fastify } = await wholeLife(t)
  const { body } = await fastify.inject('/metrics')
  const comments = body.split('\n').filter((line) => /^# (TYPE|UNIT) /.test(line))
  t.strictSame(comments.sort(), [
    '# TYPE oauth2_telemetry_clients_folded_total counter',
    '# TYPE oauth2_telemetry_dropped_total counter',
    '# TYPE oauth2_token_active gauge',
    '# TYPE oauth2_token_age_at_refresh histogram',
    '# TYPE oauth2_token_expired_total counter',
    '# TYPE oauth2_token_introspected_total counter',
    '# TYPE oauth2_token_issued_total counter',
    '# TYPE oauth2_token_lifetime_at_refresh histogram',
    '# TYPE oauth2_token_operation_duration histogram',
    '# TYPE oauth2_token_refreshed_total counter',
    '# TYPE oauth2_token_refused_total counter',
    '# TYPE oauth2_token_reuse_detected_total counter',
    '# TYPE oauth2_token_revoked_total counter',
    '# TYPE oauth2_token_validated_total counter',
    '# UNIT oauth2_telemetry_clients_folded_total {token}',
    '# UNIT oauth2_telemetry_dropped_total {record}',
    '# UNIT oauth2_token_active {token}',
    '# UNIT oauth2_token_age_at_refresh s',
    '# UNIT oauth2_token_expired_total {token}',
    '# UNIT oauth2_token_introspected_total {request}',
    '# UNIT oauth2_token_issued_total {token}',
    '# UNIT oauth2_token_lifetime_at_refresh 1',
    '# UNIT oauth2_token_operation_duration s',
    '# UNIT oauth2_token_refreshed_total {token}',
    '# UNIT oauth2_token_refused_total {request}',
    '# UNIT oauth2_token_reuse_detected_total {token}',
    '# UNIT oauth2_token_revoked_total {token}',
    '# UNIT oauth2_token_validated_total {token}'
  ])
})

t.test('no sample names a user, a token or a scope', async (t) => {
  const { fastify } = await wholeLife(t)
  const { body } = await fastify.inject('/metrics')
  const samples = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  t.ok(samples.length > 50)
  t.notMatch(body, /alice|orders:/)
  const keys = new Set([...body.matchAll(/([a-z0-9_]+)="/g)].map(([, key]) => key))
  t.strictSame([...keys].sort(), [
    'error_type',
    'le',
    'oauth2_active',
    'oauth2_client_id',
    'oauth2_grant_type',
    'oauth2_operation',
    'oauth2_reuse_outcome',
    'oauth2_revocation_reason',
    'oauth2_token_type',
    'oauth2_validation_reason',
    'oauth2_validation_result'
  ])
})
