import { SpanKind } from '@opentelemetry/api'
import t from 'tap'
import { CommandedStore } from '../support/commanded-store.ts'
import { claimsOf, makeKey, signJwt } from '../support/jwt.ts'
import { buildResourceServer, call, trustIn } from '../support/resource-server.ts'
import { buildServer, callOrders, stoppedClock } from '../support/server.ts'
import { recordSpans, sayingOf, spanNamed } from '../support/traces.ts'

t.test('oauth2.token.validate says whose token passed and how old it was', async (t) => {
  const recorded = recordSpans(t)
  const clock = stoppedClock()
  const fastify = await buildServer(t, { now: clock.now })
  const { access_token } = await fastify.oauth.issue({ clientId: 'web', subject: 'alice' })
  recorded.reset()
  clock.advance(30)
  t.equal((await callOrders(fastify, access_token)).statusCode, 200)
  const span = spanNamed(recorded, 'oauth2.token.validate')
  t.strictSame(sayingOf(span), {
    attributes: { 'oauth2.client_id': 'web', 'oauth2.token_age': 30, 'oauth2.validation.result': 'valid' },
    status: 'UNSET',
    events: [],
    links: []
  })
  t.equal(span.kind, SpanKind.INTERNAL)
})

t.test('the age is never negative, and absent where the token does not say when it was issued', async (t) => {
  const recorded = recordSpans(t)
  const key = makeKey('key-1')
  const now = Math.floor(Date.now() / 1000)
  const fastify = await buildResourceServer(t, [{ ...trustIn(key), profile: 'jwt' }], { now: () => now })
  await fastify.oauth.validate(signJwt(key, claimsOf({ iat: now + 3 })))
  t.equal(spanNamed(recorded, 'oauth2.token.validate').attributes['oauth2.token_age'], 0)
  recorded.reset()
  await fastify.oauth.validate(signJwt(key, claimsOf({ iat: undefined })))
  t.notOk('oauth2.token_age' in spanNamed(recorded, 'oauth2.token.validate').attributes)
})

t.test('a refused token leaves the span UNSET, with the reason', async (t) => {
  const recorded = recordSpans(t)
  const key = makeKey('key-1')
  const fastify = await buildResourceServer(t, [trustIn(key)])
  const now = Math.floor(Date.now() / 1000)
  const cases = [
    { authorization: undefined, result: 'invalid', reason: 'missing', error: 'invalid_token' },
    { authorization: 'Bearer', result: 'invalid', reason: 'malformed', error: 'invalid_request' },
    {
      authorization: `Bearer ${signJwt(makeKey('key-1'))}`,
      result: 'invalid',
      reason: 'bad_signature',
      error: 'invalid_token'
    },
    {
      authorization: `Bearer ${signJwt(key, claimsOf({ exp: now - 60 }))}`,
      result: 'expired',
      reason: 'expired',
      error: 'invalid_token',
      client: 'mobile'
    },
    {
      authorization: `Bearer ${signJwt(key, claimsOf({ scope: '' }))}`,
      result: 'invalid',
      reason: 'insufficient_scope',
      error: 'insufficient_scope',
      client: 'mobile'
    }
  ]
  for (const { authorization, result, reason, error, client } of cases) {
    recorded.reset()
    await call(fastify, authorization)
    t.strictSame(
      sayingOf(spanNamed(recorded, 'oauth2.token.validate')),
      {
        attributes: {
          ...(client === undefined ? {} : { 'oauth2.client_id': client }),
          'oauth2.validation.result': result,
          'oauth2.validation.reason': reason,
          'error.type': error
        },
        status: 'UNSET',
        events: [],
        links: []
      },
      reason
    )
  }
})

t.test('a token that nobody could decide about makes the span an ERROR', async (t) => {
  const recorded = recordSpans(t)
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store })
  const { access_token } = await fastify.oauth.issue({ clientId: 'web', subject: 'alice' })
  recorded.reset()
  store.goDown()
  t.equal((await callOrders(fastify, access_token)).statusCode, 503)
  t.strictSame(sayingOf(spanNamed(recorded, 'oauth2.token.validate')), {
    attributes: {
      'oauth2.validation.result': 'invalid',
      'oauth2.validation.reason': 'unavailable',
      'error.type': 'temporarily_unavailable'
    },
    status: 'ERROR temporarily_unavailable',
    events: [],
    links: []
  })
})
