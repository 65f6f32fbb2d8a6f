import t, { type Test } from 'tap'
import type { OAuthTelemetryOptions } from '../../lib/index.ts'
import { CommandedStore } from '../support/commanded-store.ts'
import { buildServer, refresh, stoppedClock } from '../support/server.ts'
import { idOf, parentOf, recordSpans, sayingOf, spanNamed } from '../support/traces.ts'

const START = 1_800_000_000

async function tracedServer(t: Test, options: Partial<OAuthTelemetryOptions> = {}) {
  const recorded = recordSpans(t)
  const clock = stoppedClock(START)
  const fastify = await buildServer(t, { now: clock.now, ...options })
  const { refresh_token: token = '' } = await fastify.oauth.issue({
    clientId: 'web',
    subject: 'alice',
    refreshable: true
  })
  const issued = spanNamed(recorded, 'oauth2.token.issue')
  const family = issued.attributes['oauth2.access_token_id']
  return { recorded, clock, fastify, token, family, issuer: idOf(issued.spanContext()) }
}

t.test('oauth2.token.refresh says whose token it was and how old, and contains the issue span', async (t) => {
  const { recorded, clock, fastify, token, family, issuer } = await tracedServer(t)
  recorded.reset()
  clock.advance(600)
  await refresh(fastify, token)
  const refreshed = spanNamed(recorded, 'oauth2.token.refresh')
  t.strictSame(sayingOf(refreshed), {
    attributes: { 'oauth2.client_id': 'web', 'oauth2.token_age_seconds': 600, 'oauth2.token_family': family ?? '' },
    status: 'UNSET',
    events: [],
    links: [issuer]
  })
  const issued = spanNamed(recorded, 'oauth2.token.issue')
  t.equal(parentOf(issued), idOf(refreshed.spanContext()))
  t.equal(issued.attributes['oauth2.grant_type'], 'refresh_token')
  t.equal(issued.attributes['oauth2.user_id'], 'alice')
  t.strictSame(issued.links, [])
})

t.test('a reuse is an ERROR with its event, contains revoke_all, and links to both spans that matter', async (t) => {
  const { recorded, clock, fastify, token, family, issuer } = await tracedServer(t)
  recorded.reset()
  clock.advance(10)
  await refresh(fastify, token)
  const spender = idOf(spanNamed(recorded, 'oauth2.token.refresh').spanContext())
  recorded.reset()
  clock.advance(10)
  await refresh(fastify, token)
  const reused = spanNamed(recorded, 'oauth2.token.refresh')
  t.strictSame(sayingOf(reused), {
    attributes: {
      'oauth2.client_id': 'web',
      'oauth2.token_age_seconds': 20,
      'oauth2.token_family': family ?? '',
      'oauth2.refresh.error': 'invalid_token',
      'oauth2.validation.reason': 'reused',
      'oauth2.reuse.outcome': 'theft',
      'error.type': 'invalid_grant'
    },
    status: 'ERROR Refresh token reuse detected',
    events: [
      {
        name: 'refresh_token_reuse_detected',
        attributes: {
          'oauth2.client_id': 'web',
          'oauth2.user_id': 'alice',
          'oauth2.original_issued_at': String(START)
        }
      }
    ],
    links: [issuer, spender]
  })
  const killed = spanNamed(recorded, 'oauth2.token.revoke_all')
  t.equal(parentOf(killed), idOf(reused.spanContext()))
  t.strictSame(sayingOf(killed), {
    attributes: {
      'oauth2.user_id': 'alice',
      'oauth2.revocation.reason': 'security_incident',
      'oauth2.revocation.by': 'reuse_detection',
      'oauth2.tokens_revoked': 3
    },
    status: 'UNSET',
    events: [],
    links: []
  })
})

t.test('a lost race is a reuse, and links to the span that won', async (t) => {
  const store = new CommandedStore()
  const { recorded, fastify, token, issuer } = await tracedServer(t, { store })
  recorded.reset()
  store.gather('rotate', 2)
  const responses = await Promise.all([refresh(fastify, token), refresh(fastify, token)])
  t.strictSame(responses.map(({ statusCode }) => statusCode).sort(), [200, 400])
  const refreshes = recorded.spans().filter(({ name }) => name === 'oauth2.token.refresh')
  const winner = refreshes.find(({ attributes }) => !('error.type' in attributes))
  const loser = refreshes.find(({ attributes }) => attributes['oauth2.reuse.outcome'] === 'race_lost')
  if (winner === undefined || loser === undefined) throw new Error('there is no winner, or no loser')
  const said = sayingOf(loser)
  t.equal(said.status, 'ERROR Refresh token reuse detected')
  t.strictSame(said.links, [issuer, idOf(winner.spanContext())])
  t.strictSame(
    said.events.map(({ name }) => name),
    ['refresh_token_reuse_detected']
  )
})

t.test('a refresh in the grace window is no reuse to alarm about, and links to both spans', async (t) => {
  const { recorded, fastify, token, issuer } = await tracedServer(t, { refreshToken: { graceWindow: 30 } })
  recorded.reset()
  await refresh(fastify, token)
  const spender = idOf(spanNamed(recorded, 'oauth2.token.refresh').spanContext())
  recorded.reset()
  t.equal((await refresh(fastify, token)).statusCode, 200)
  const { attributes, status, events, links } = sayingOf(spanNamed(recorded, 'oauth2.token.refresh'))
  t.equal(status, 'UNSET')
  t.equal(attributes['oauth2.reuse.outcome'], 'grace')
  t.strictSame(events, [])
  t.strictSame(links, [issuer, spender])
})

t.test('a refresh whose grace window cannot be looked up says whose token it was, and is no reuse yet', async (t) => {
  const store = new CommandedStore()
  const { recorded, fastify, token, issuer } = await tracedServer(t, { store, refreshToken: { graceWindow: 30 } })
  await refresh(fastify, token)
  recorded.reset()
  store.before = async (verb) => {
    if (verb === 'find') throw new Error('connection refused')
  }
  t.equal((await refresh(fastify, token)).statusCode, 503)
  const { attributes, status, events, links } = sayingOf(spanNamed(recorded, 'oauth2.token.refresh'))
  t.equal(status, 'ERROR temporarily_unavailable')
  t.equal(attributes['oauth2.client_id'], 'web')
  t.notOk('oauth2.reuse.outcome' in attributes)
  t.strictSame(events, [])
  t.equal(links[0], issuer)
})

t.test('every other refresh token that is no good is an ERROR "Invalid refresh token"', async (t) => {
  const { recorded, fastify, clock, token, issuer, family } = await tracedServer(t)
  recorded.reset()
  await refresh(fastify, 'never-issued')
  t.strictSame(sayingOf(spanNamed(recorded, 'oauth2.token.refresh')), {
    attributes: {
      'oauth2.refresh.error': 'invalid_token',
      'oauth2.validation.reason': 'not_found',
      'error.type': 'invalid_grant'
    },
    status: 'ERROR Invalid refresh token',
    events: [],
    links: []
  })
  recorded.reset()
  clock.advance(14 * 86_400)
  await refresh(fastify, token)
  t.strictSame(sayingOf(spanNamed(recorded, 'oauth2.token.refresh')), {
    attributes: {
      'oauth2.client_id': 'web',
      'oauth2.token_age_seconds': 14 * 86_400,
      'oauth2.token_family': family ?? '',
      'oauth2.refresh.error': 'invalid_token',
      'oauth2.validation.reason': 'expired',
      'error.type': 'invalid_grant'
    },
    status: 'ERROR Invalid refresh token',
    events: [],
    links: [issuer]
  })
})

t.test('a refresh that asks for too much names its error and is no ERROR; one that finds us down is', async (t) => {
  const store = new CommandedStore()
  const { recorded, fastify, token } = await tracedServer(t, { store })
  recorded.reset()
  await refresh(fastify, token, { scope: 'everything' })
  const refused = sayingOf(spanNamed(recorded, 'oauth2.token.refresh'))
  t.equal(refused.attributes['oauth2.refresh.error'], 'invalid_scope')
  t.equal(refused.status, 'UNSET')
  recorded.reset()
  store.goDown()
  await refresh(fastify, token)
  const down = sayingOf(spanNamed(recorded, 'oauth2.token.refresh'))
  t.equal(down.attributes['oauth2.refresh.error'], 'temporarily_unavailable')
  t.equal(down.status, 'ERROR temporarily_unavailable')
})
