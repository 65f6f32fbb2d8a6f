import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import type { OAuthTelemetryOptions, TokenEvent } from '../lib/index.ts'
import { CommandedStore } from './support/commanded-store.ts'
import { claimsOf, makeKey, signJwt } from './support/jwt.ts'
import { recordLogs } from './support/logs.ts'
import { validatedSample, validationsDuring } from './support/resource-server.ts'
import { AUDIENCE, basic, buildServer, callOrders, ISSUER, postForm, refresh, stoppedClock } from './support/server.ts'
import { recordSpans, spanNamed } from './support/traces.ts'

/** An open server with tokens of `alice`, whose store has then gone down. */
async function startOpen(t: Test, options: Partial<OAuthTelemetryOptions> = {}) {
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store, revocationCheck: 'open', ...options })
  const tokens = await fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  store.goDown()
  return { store, fastify, token: tokens.access_token, refreshToken: tokens.refresh_token ?? '' }
}

const statusOf = async (fastify: FastifyInstance, token: string) => (await callOrders(fastify, token)).statusCode

/** A token that passed although its revocation could not be looked up. */
const PASSED =
  'oauth2_token_validated_total{oauth2_client_id="web",oauth2_validation_reason="unavailable",oauth2_validation_result="valid"}'

t.test('A8: by default a token of ours does not pass while the store is down', async (t) => {
  const { fastify, token } = await startOpen(t, { revocationCheck: 'closed' })
  const { result, added } = await validationsDuring(fastify, () => statusOf(fastify, token))
  t.equal(result, 503)
  t.strictSame(added, { [validatedSample('unavailable')]: 1 })
})

t.test('A8: open: it passes, and is counted as valid with reason unavailable', async (t) => {
  const { store, fastify, token } = await startOpen(t)
  const down = await validationsDuring(fastify, () => statusOf(fastify, token))
  t.equal(down.result, 200)
  t.strictSame(down.added, { [PASSED]: 1 })

  store.comeBack()
  const up = await validationsDuring(fastify, () => statusOf(fastify, token))
  t.equal(up.result, 200)
  t.strictSame(up.added, { [validatedSample(undefined, 'web')]: 1 })
})

t.test('A8: open: the same for a store that is silent', async (t) => {
  const { store, fastify, token } = await startOpen(t, { storeTimeout: 0.1 })
  store.before = () => new Promise(() => {})
  const { result, added } = await validationsDuring(fastify, () => statusOf(fastify, token))
  t.equal(result, 200)
  t.strictSame(added, { [PASSED]: 1 })
})

t.test('A8: open: a store that is only busy is no reason: a stranger could keep it so', async (t) => {
  const { store, fastify, token } = await startOpen(t, { storeTimeout: 0.4 })
  store.before = (verb) => (verb === 'find' ? new Promise(() => {}) : Promise.resolve())
  const waiting = statusOf(fastify, token)
  await sleep(100)
  await fastify.oauth.issue({ clientId: 'reports' })
  t.equal(await waiting, 503)
})

t.test('A8: open: the event, the span and the log record say so', async (t) => {
  const spans = recordSpans(t)
  const logs = recordLogs(t)
  const events: TokenEvent[] = []
  const { fastify, token } = await startOpen(t, { telemetry: { onEvent: (event) => void events.push(event) } })
  await statusOf(fastify, token)
  t.strictSame(events.at(-1), { operation: 'validate', clientId: 'web', result: 'valid', reason: 'unavailable' })
  const span = spanNamed(spans, 'oauth2.token.validate')
  t.match(span.attributes, { 'oauth2.validation.result': 'valid', 'oauth2.validation.reason': 'unavailable' })
  t.equal(span.status.code, 0, 'nothing was refused')
  t.equal(logs.records().at(-1)?.eventName, 'oauth2.unavailable')
})

t.test('A8: open: signature, times and scope are checked as ever', async (t) => {
  const clock = stoppedClock()
  const { fastify, token } = await startOpen(t, { now: clock.now, accessTokenTtl: 60 })
  const forged = signJwt(makeKey('mine'), claimsOf({ iss: ISSUER, aud: AUDIENCE }))
  t.equal(await statusOf(fastify, forged), 401)
  t.equal(await statusOf(fastify, `${token.slice(0, -4)}AAAA`), 401)
  await t.rejects(fastify.oauth.validate(token, 'tokens:revoke'), { code: 'insufficient_scope' })
  clock.advance(60)
  t.equal(await statusOf(fastify, token), 401)
})

t.test('A8: open: a revoked token passes while the store is down, and no longer', async (t) => {
  const { store, fastify, token } = await startOpen(t)
  store.comeBack()
  await fastify.oauth.revoke({ token, reason: 'logout', by: 'user' })
  store.goDown()
  t.equal(await statusOf(fastify, token), 200)
  store.comeBack()
  t.equal(await statusOf(fastify, token), 401)
})

t.test('A8: open: a handler can tell, and nobody else', async (t) => {
  const { store, fastify, token } = await startOpen(t)
  t.match(await fastify.oauth.validate(token), { own: true, revocationUnchecked: true })
  store.comeBack()
  t.equal('revocationUnchecked' in (await fastify.oauth.validate(token)), false, 'nothing of it is remembered')
})

t.test('A8: open: issue, refresh, revoke and introspect are closed as ever', async (t) => {
  const { fastify, token, refreshToken } = await startOpen(t)
  const gateway = { authorization: basic('gateway', 'gateway-secret') }
  const answers = [
    await postForm(
      fastify,
      '/oauth/token',
      { grant_type: 'client_credentials' },
      { authorization: basic('reports', 'reports-secret') }
    ),
    await refresh(fastify, refreshToken),
    await postForm(fastify, '/oauth/revoke', { client_id: 'web', token }),
    await postForm(fastify, '/oauth/introspect', { token }, gateway)
  ]
  for (const { statusCode, headers } of answers) t.strictSame([statusCode, headers['retry-after']], [503, '5'])
})
