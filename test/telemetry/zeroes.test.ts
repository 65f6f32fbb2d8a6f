import t from 'tap'
import { samplesOf, scrape } from '../support/metrics.ts'
import { buildServer } from '../support/server.ts'

t.test('counters that alerts use exist at zero for every known client before anything happens', async (t) => {
  const fastify = await buildServer(t, {
    clients: [
      { id: 'web', grants: ['refresh_token'] },
      { id: 'reports', secret: 'reports-secret', grants: ['client_credentials'] }
    ]
  })
  const samples = await scrape(fastify)
  t.strictSame(samplesOf(samples, 'oauth2_token_issued_total'), {
    '{oauth2_client_id="web",oauth2_grant_type="refresh_token"}': 0,
    '{oauth2_client_id="web",oauth2_grant_type="direct"}': 0,
    '{oauth2_client_id="reports",oauth2_grant_type="client_credentials"}': 0,
    '{oauth2_client_id="reports",oauth2_grant_type="direct"}': 0
  })
  t.strictSame(samplesOf(samples, 'oauth2_token_refreshed_total'), { '{oauth2_client_id="web"}': 0 })
  t.strictSame(samplesOf(samples, 'oauth2_token_revoked_total'), {
    '{oauth2_client_id="web",oauth2_revocation_reason="security_incident"}': 0,
    '{oauth2_client_id="reports",oauth2_revocation_reason="security_incident"}': 0
  })
  t.strictSame(samplesOf(samples, 'oauth2_token_reuse_detected_total'), {
    '{oauth2_client_id="web",oauth2_reuse_outcome="theft"}': 0,
    '{oauth2_client_id="web",oauth2_reuse_outcome="grace"}': 0,
    '{oauth2_client_id="web",oauth2_reuse_outcome="race_lost"}': 0
  })
  t.strictSame(samplesOf(samples, 'oauth2_telemetry_dropped_total'), { '': 0 })
  t.strictSame(samplesOf(samples, 'oauth2_telemetry_clients_folded_total'), { '': 0 })
})

t.test('so do the refusals of tokens that prove nothing', async (t) => {
  const fastify = await buildServer(t, { clients: [{ id: 'web' }] })
  const validated = samplesOf(await scrape(fastify), 'oauth2_token_validated_total')
  const invalid = (reason: string) =>
    `{oauth2_client_id="unknown",oauth2_validation_reason="${reason}",oauth2_validation_result="invalid"}`
  t.strictSame(validated, {
    [invalid('missing')]: 0,
    [invalid('malformed')]: 0,
    [invalid('bad_signature')]: 0,
    [invalid('unknown_key')]: 0,
    [invalid('unavailable')]: 0
  })
})
