import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import type { TokenEvent } from '../../lib/index.ts'
import { scrape } from '../support/metrics.ts'
import { basic, buildServer, callOrders, postForm, refresh, stoppedClock } from '../support/server.ts'

t.test('onEvent is told of everything that happens, once, without secrets', async (t) => {
  const clock = stoppedClock()
  const events: TokenEvent[] = []
  const fastify = await buildServer(t, {
    now: clock.now,
    accessTokenTtl: 60,
    telemetry: {
      onEvent: (event) => {
        events.push(event)
      }
    }
  })
  const named = () =>
    events.splice(0).map((event) => {
      t.match('duration' in event ? event.duration : 0, Number)
      return `${event.operation} ${('error' in event ? event.error : undefined) ?? 'ok'}`
    })
  const { access_token, refresh_token = '' } = await fastify.oauth.issue({
    clientId: 'web',
    subject: 'alice',
    refreshable: true
  })
  t.strictSame(named(), ['issue ok'])
  await callOrders(fastify, access_token)
  t.strictSame(named(), ['validate ok'])
  await refresh(fastify, refresh_token)
  t.strictSame(named(), ['issue ok', 'refresh ok'])
  await postForm(
    fastify,
    '/oauth/introspect',
    { token: access_token },
    { authorization: basic('gateway', 'gateway-secret') }
  )
  t.strictSame(named(), ['introspect ok'])
  await refresh(fastify, refresh_token)
  t.strictSame(named(), ['revoke_all ok', 'refresh invalid_grant', 'token invalid_grant'])
  await postForm(fastify, '/oauth/revoke', { token: access_token, client_id: 'web' })
  t.strictSame(named(), ['revoke ok'])
  await fastify.oauth.issue({ clientId: 'web', subject: 'alice' })
  clock.advance(60)
  await fastify.inject('/metrics')
  t.strictSame(named(), ['issue ok', 'expire ok'])
})

t.test('the event of an issue has its facts, and the event of a refused token its reason', async (t) => {
  const events: TokenEvent[] = []
  const onEvent = (event: TokenEvent) => {
    events.push(event)
  }
  const fastify = await buildServer(t, { telemetry: { onEvent } })
  await fastify.oauth.issue({ clientId: 'web', subject: 'alice', scope: ['orders:read'] })
  const [issued] = events.splice(0)
  t.match(issued, {
    operation: 'issue',
    clientId: 'web',
    userId: 'alice',
    grantType: 'direct',
    scope: ['orders:read'],
    tokenId: /^[0-9a-v]{8}[\w-]{22}$/,
    ttl: 3600
  })
  await callOrders(fastify, 'not-a-token')
  t.strictSame(events, [{ operation: 'validate', clientId: undefined, result: 'invalid', reason: 'malformed' }])
})

const listeners: Record<string, (event: TokenEvent) => void | Promise<void>> = {
  throws: () => {
    throw new Error('canary')
  },
  rejects: async () => {
    throw new Error('canary')
  },
  'rejects later': async () => {
    await turn()
    throw new Error('canary')
  },
  'gives something that only looks like a promise': () =>
    ({
      // biome-ignore lint/suspicious/noThenProperty: what a careless listener may return
      then() {
        throw new Error('canary')
      }
    }) as unknown as Promise<void>
}

for (const [what, onEvent] of Object.entries(listeners)) {
  t.test(`a listener that ${what} changes no answer, and is counted`, async (t) => {
    const fastify = await buildServer(t, { telemetry: { onEvent } })
    const { access_token, refresh_token = '' } = await fastify.oauth.issue({
      clientId: 'web',
      subject: 'alice',
      refreshable: true
    })
    t.equal((await callOrders(fastify, access_token)).statusCode, 200)
    t.equal((await refresh(fastify, refresh_token)).statusCode, 200)
    t.equal((await refresh(fastify, refresh_token)).statusCode, 400)
    for (let turns = 0; turns < 3; turns += 1) await turn()
    const samples = await scrape(fastify)
    t.equal(samples.get('oauth2_telemetry_dropped_total'), 7)
    t.equal(samples.get('oauth2_token_refreshed_total{oauth2_client_id="web"}'), 1, 'our own telemetry is complete')
  })
}
