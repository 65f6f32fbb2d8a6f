import t from 'tap'
import { scrape } from '../support/metrics.ts'
import { buildServer, callOrders, refresh } from '../support/server.ts'

t.test('a reuse kills the user once; replaying the same token does not log out who has logged in since', async (t) => {
  const fastify = await buildServer(t)
  const logIn = () => fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  const { refresh_token: stolen = '' } = await logIn()
  const otherDevice = await logIn()
  t.equal((await refresh(fastify, stolen)).statusCode, 200)

  t.equal((await refresh(fastify, stolen)).json().error, 'invalid_grant')
  t.equal((await callOrders(fastify, otherDevice.access_token)).statusCode, 401, 'the user is logged out everywhere')

  const again = await logIn()
  for (let replay = 0; replay < 3; replay++) {
    t.equal((await refresh(fastify, stolen)).json().error, 'invalid_grant')
    t.equal((await callOrders(fastify, again.access_token)).statusCode, 200, 'the new login lives')
  }
  const samples = await scrape(fastify)
  t.equal(samples.get('oauth2_token_reuse_detected_total{oauth2_client_id="web",oauth2_reuse_outcome="theft"}'), 4)
  t.equal(
    samples.get('oauth2_token_revoked_total{oauth2_client_id="web",oauth2_revocation_reason="security_incident"}'),
    5,
    'stolen access, its successors, and the other device'
  )
})

t.test('a spent token of a family that has logged out kills nobody', async (t) => {
  const fastify = await buildServer(t)
  const first = await fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  const other = await fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  const { refresh_token: current } = (await refresh(fastify, first.refresh_token ?? '')).json()
  await fastify.oauth.revoke({ token: current, reason: 'logout', by: 'user' })
  t.equal((await refresh(fastify, first.refresh_token ?? '')).json().error, 'invalid_grant')
  t.equal((await callOrders(fastify, other.access_token)).statusCode, 200)
})
