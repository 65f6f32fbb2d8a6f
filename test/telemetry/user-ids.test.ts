import { createHmac } from 'node:crypto'
import t, { type Test } from 'tap'
import type { TelemetryOptions, TokenEvent } from '../../lib/index.ts'
import { recordLogs } from '../support/logs.ts'
import { buildServer, refresh } from '../support/server.ts'
import { recordSpans } from '../support/traces.ts'

const KEY = 'a key of thirty-two characters...'

/** Issue, refresh, reuse and revoke-all of alice's tokens; gives everything that telemetry made of it. */
async function lifeOfAlice(t: Test, telemetry: TelemetryOptions) {
  const recorded = recordSpans(t)
  const logged = recordLogs(t)
  const events: TokenEvent[] = []
  const onEvent = (event: TokenEvent) => {
    events.push(event)
  }
  const fastify = await buildServer(t, { telemetry: { ...telemetry, onEvent } })
  const { refresh_token = '' } = await fastify.oauth.issue({
    clientId: 'web',
    subject: 'alice-canary',
    refreshable: true
  })
  await refresh(fastify, refresh_token)
  await refresh(fastify, refresh_token)
  await fastify.oauth.issue({ clientId: 'reports' })
  const shown: unknown[] = [
    ...recorded.spans().map(({ attributes }) => attributes['oauth2.user_id']),
    ...recorded.spans().flatMap((span) => span.events.map(({ attributes }) => attributes?.['oauth2.user_id'])),
    ...logged.records().map(({ attributes }) => attributes['oauth2.user_id']),
    ...events.flatMap((event) => ('userId' in event ? [event.userId] : []))
  ]
  const everything = JSON.stringify([
    recorded.spans().map(({ attributes, events, links, status }) => ({ attributes, events, links, status })),
    logged.records().map(({ attributes, body }) => ({ attributes, body })),
    events
  ])
  const { body: metrics } = await fastify.inject('/metrics')
  return { shown: new Set(shown), everything, metrics }
}

t.test('userId plain, the default, shows users as they are, and never on metrics', async (t) => {
  const { shown, metrics } = await lifeOfAlice(t, {})
  t.strictSame(shown, new Set(['alice-canary', undefined]))
  t.notMatch(metrics, 'alice-canary')
})

t.test('userId hash shows a keyed hash, and never on metrics', async (t) => {
  const { shown, everything, metrics } = await lifeOfAlice(t, { userId: 'hash', userIdKey: KEY })
  const hashed = createHmac('sha256', KEY).update('alice-canary').digest('base64url')
  t.strictSame(shown, new Set([hashed, undefined]))
  t.notMatch(everything, 'alice-canary')
  t.notMatch(metrics, 'alice-canary')
  t.notOk(metrics.includes(hashed))
})

t.test('userId hash without a key takes a random one', async (t) => {
  const onlyHash = async (t: Test) => {
    const { shown } = await lifeOfAlice(t, { userId: 'hash' })
    const [hash, ...others] = [...shown].filter((id) => id !== undefined)
    t.equal(others.length, 0, 'one user, one hash')
    return String(hash)
  }
  const hashes: string[] = []
  await t.test('one process', async (t) => hashes.push(await onlyHash(t)))
  await t.test('another', async (t) => hashes.push(await onlyHash(t)))
  t.match(hashes[0], /^[A-Za-z0-9_-]{43}$/)
  t.not(hashes[0], hashes[1])
  t.notOk(hashes.includes(createHmac('sha256', '').update('alice-canary').digest('base64url')))
})

t.test('userId omit shows no user anywhere', async (t) => {
  const { shown, everything } = await lifeOfAlice(t, { userId: 'omit' })
  t.strictSame(shown, new Set([undefined]))
  t.notMatch(everything, 'alice-canary')
  t.notMatch(everything, 'user_id')
})

t.test('another userId is refused at registration', async (t) => {
  const userId = 'secret' as unknown as 'plain'
  await t.rejects(
    buildServer(t, { telemetry: { userId } }),
    new TypeError("telemetry.userId must be 'plain', 'hash' or 'omit'")
  )
})
