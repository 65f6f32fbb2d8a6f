import t from 'tap'
import { CommandedStore } from '../support/commanded-store.ts'
import { samplesOf, scrape } from '../support/metrics.ts'
import { basic, buildServer, postForm, refresh, stoppedClock } from '../support/server.ts'

const web = (type: string) => `{oauth2_client_id="web",oauth2_token_type="${type}"}`
const reports = '{oauth2_client_id="reports",oauth2_token_type="access"}'

t.test('active and expired are exact through issue, refresh, revocation, reuse and expiry', async (t) => {
  const clock = stoppedClock()
  const fastify = await buildServer(t, {
    now: clock.now,
    accessTokenTtl: 100,
    refreshToken: { idleTtl: 1000, absoluteTtl: 5000 }
  })
  const issue = (subject: string) => fastify.oauth.issue({ clientId: 'web', subject, refreshable: true })
  async function assertCounts(access: number, refreshTokens: number, expired: [number, number], what: string) {
    const samples = await scrape(fastify)
    const active = samplesOf(samples, 'oauth2_token_active')
    t.strictSame([active[web('access')] ?? 0, active[web('refresh')] ?? 0], [access, refreshTokens], `active ${what}`)
    const ended = samplesOf(samples, 'oauth2_token_expired_total')
    t.strictSame([ended[web('access')] ?? 0, ended[web('refresh')] ?? 0], expired, `expired ${what}`)
  }

  await assertCounts(0, 0, [0, 0], 'before')
  const { refresh_token: first = '' } = await issue('alice')
  await assertCounts(1, 1, [0, 0], 'after an issue')
  const second = (await refresh(fastify, first)).json().refresh_token
  await assertCounts(2, 1, [0, 0], 'after a refresh: the old access token is still good')
  const { access_token: bobs } = await issue('bob')
  await assertCounts(3, 2, [0, 0], 'after another issue')
  await fastify.oauth.revoke({ token: bobs, reason: 'logout', by: 'user' })
  await fastify.oauth.revoke({ token: bobs, reason: 'logout', by: 'user' })
  await assertCounts(2, 2, [0, 0], 'after a revocation, twice')
  clock.advance(99)
  await assertCounts(2, 2, [0, 0], 'a second before they end')
  clock.advance(1)
  await assertCounts(0, 2, [2, 0], 'at the end of the access tokens')
  await assertCounts(0, 2, [2, 0], 'at the next scrape: counted once')
  await refresh(fastify, second)
  await assertCounts(1, 2, [2, 0], 'after one more refresh')
  await refresh(fastify, first)
  await assertCounts(0, 1, [2, 0], 'after a reuse: alice has nothing left')
  clock.advance(900)
  await assertCounts(0, 0, [2, 1], 'at the end of the refresh token of bob')
  clock.advance(100_000)
  await assertCounts(0, 0, [2, 1], 'for ever: revoked and spent tokens never expire')
})

t.test('expired tokens are counted without a scrape too, and by client', async (t) => {
  const clock = stoppedClock()
  const events: string[] = []
  const fastify = await buildServer(t, {
    now: clock.now,
    accessTokenTtl: 60,
    pruneInterval: 1,
    telemetry: {
      onEvent: (event) => {
        if (event.operation === 'expire') events.push(JSON.stringify(event.expired))
      }
    }
  })
  const asReports = { authorization: basic('reports', 'reports-secret') }
  await postForm(fastify, '/oauth/token', { grant_type: 'client_credentials' }, asReports)
  await postForm(fastify, '/oauth/token', { grant_type: 'client_credentials' }, asReports)
  t.equal(samplesOf(await scrape(fastify), 'oauth2_token_active')[reports], 2)
  clock.advance(60)
  const deadline = Date.now() + 10_000
  while (events.length === 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 100))
  t.strictSame(events, ['[{"clientId":"reports","type":"access","count":2}]'])
  const samples = await scrape(fastify)
  t.equal(samplesOf(samples, 'oauth2_token_active')[reports], 0)
  t.equal(samplesOf(samples, 'oauth2_token_expired_total')[reports], 2)
})

t.test('active is what the store says: a server that starts on a full store reports it', async (t) => {
  const store = new CommandedStore()
  const before = await buildServer(t, { store })
  await before.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  const after = await buildServer(t, { store })
  t.strictSame(samplesOf(await scrape(after), 'oauth2_token_active'), { [web('access')]: 1, [web('refresh')]: 1 })
  t.equal(
    samplesOf(await scrape(after), 'oauth2_token_issued_total')['{oauth2_client_id="web",oauth2_grant_type="direct"}'],
    0
  )
})

t.test('a store that is down costs the numbers of live tokens, not the scrape', async (t) => {
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store })
  await fastify.oauth.issue({ clientId: 'web', subject: 'alice' })
  store.goDown()
  const samples = await scrape(fastify)
  t.strictSame(samplesOf(samples, 'oauth2_token_active'), {})
  t.equal(samplesOf(samples, 'oauth2_token_issued_total')['{oauth2_client_id="web",oauth2_grant_type="direct"}'], 1)
  store.comeBack()
  t.equal(samplesOf(await scrape(fastify), 'oauth2_token_active')[web('access')], 1)
})
