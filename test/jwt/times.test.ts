import t from 'tap'
import { claimsOf, makeKey, signJwt } from '../support/jwt.ts'
import { assertAccepted, assertInvalidToken, buildResourceServer, call, trustIn } from '../support/resource-server.ts'
import { buildServer, callOrders, stoppedClock } from '../support/server.ts'

const key = makeKey('key-1')
const START = 1_800_000_000

t.test('B16: a token is refused from exp and the tolerance on, also when it has been accepted before', async (t) => {
  const clock = stoppedClock(START)
  const fastify = await buildResourceServer(t, [trustIn(key)], { now: clock.now, clockTolerance: 5 })
  const token = signJwt(key, claimsOf({ exp: START + 10 }, START))
  await assertAccepted(t, fastify, token, 'mobile', 'at its start')
  clock.advance(14)
  await assertAccepted(t, fastify, token, 'mobile', 'within the tolerance')
  clock.advance(1)
  await assertInvalidToken(t, fastify, token, 'expired', 'at exp and the tolerance', 'mobile')
  const second = signJwt(key, claimsOf({ exp: START + 10, jti: 'token-2' }, START))
  await assertInvalidToken(t, fastify, second, 'expired', 'never seen before', 'mobile')
})

t.test('B16: without tolerance a token is refused exactly at exp', async (t) => {
  const clock = stoppedClock(START)
  const fastify = await buildResourceServer(t, [trustIn(key)], { now: clock.now, clockTolerance: 0 })
  const token = signJwt(key, claimsOf({ exp: START + 1 }, START))
  clock.advance(0.999)
  await assertAccepted(t, fastify, token, 'mobile', 'a millisecond before')
  clock.advance(0.001)
  await assertInvalidToken(t, fastify, token, 'expired', 'at exp', 'mobile')
})

t.test('B16: a token of ours ends exactly at exp, whatever the tolerance', async (t) => {
  const clock = stoppedClock(START)
  const fastify = await buildServer(t, { now: clock.now, accessTokenTtl: 10, clockTolerance: 60 })
  const { access_token: token } = await fastify.oauth.issue({ clientId: 'reports' })
  clock.advance(9.999)
  t.equal((await callOrders(fastify, token)).statusCode, 200)
  clock.advance(0.001)
  await assertInvalidToken(t, fastify, token, 'expired', 'at exp', 'reports')
})

t.test('B16: the tolerance is 60 seconds at most', async (t) => {
  const build = (clockTolerance: number) => buildResourceServer(t, [trustIn(key)], { clockTolerance })
  for (const wrong of [-1, 61, 0.5, Number.NaN]) {
    await t.rejects(build(wrong), { name: 'TypeError', message: /^clockTolerance must be .* 0 to 60$/ }, String(wrong))
  }
})

t.test('B17: nbf is honoured', async (t) => {
  const clock = stoppedClock(START)
  const fastify = await buildResourceServer(t, [trustIn(key)], { now: clock.now, clockTolerance: 5 })
  const token = signJwt(key, claimsOf({ nbf: START + 10 }, START))
  clock.advance(4.9)
  await assertInvalidToken(t, fastify, token, 'not_yet_valid', 'before nbf', 'mobile')
  clock.advance(0.1)
  await assertAccepted(t, fastify, token, 'mobile', 'at nbf less the tolerance')
})

t.test('B18: an iat in the future, beyond the tolerance, is refused', async (t) => {
  const clock = stoppedClock(START)
  const fastify = await buildResourceServer(t, [trustIn(key)], { now: clock.now, clockTolerance: 5 })
  const at = (iat: number) => signJwt(key, claimsOf({ iat }, START))
  await assertInvalidToken(t, fastify, at(START + 6), 'not_yet_valid', 'six seconds', 'mobile')
  await assertAccepted(t, fastify, at(START + 5), 'mobile', 'five seconds')
})

t.test('a clock that jumps back revives nothing that was not valid then', async (t) => {
  const clock = stoppedClock(START)
  const fastify = await buildResourceServer(t, [trustIn(key)], { now: clock.now })
  const token = signJwt(key, claimsOf({ nbf: START }, START))
  t.equal((await call(fastify, `Bearer ${token}`)).statusCode, 200)
  clock.advance(-3600)
  await assertInvalidToken(t, fastify, token, 'not_yet_valid', 'an hour before', 'mobile')
})

t.test('RFC 7519 section 2: a NumericDate may have a fraction', async (t) => {
  const clock = stoppedClock(START + 1)
  const fastify = await buildResourceServer(t, [trustIn(key)], { now: clock.now, clockTolerance: 0 })
  const token = signJwt(key, claimsOf({ iat: START + 0.25, nbf: START + 0.5, exp: START + 2.5 }, START))
  clock.advance(1.25)
  await assertAccepted(t, fastify, token, 'mobile', 'a quarter of a second before its end')
  clock.advance(0.25)
  await assertInvalidToken(t, fastify, token, 'expired', 'at its end', 'mobile')
})
