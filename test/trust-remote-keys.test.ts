import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { claimsOf, makeKey, signJwt, TENANT } from './support/jwt.ts'
import { jwks, startKeyServer } from './support/key-server.ts'
import { scrape } from './support/metrics.ts'
import {
  assertAccepted,
  assertInvalidToken,
  assertUnavailable,
  buildResourceServer,
  call,
  validatedSample,
  validationsDuring
} from './support/resource-server.ts'
import { AUDIENCE } from './support/server.ts'

const key = makeKey('key-1')
const next = makeKey('key-2')
/** One token each, so that it is remembered: a second signature would make it another. */
const token = signJwt(key)
const nextToken = signJwt(next)
const issued = claimsOf().iat
const COOLDOWN = 30_000
const MAX_AGE = 600_000
const REFETCH_AGE = 300_000
/** The clock goes on while a test runs. */
const MARGIN = 20_000

/** Moves the clock by which keys age. */
function ageingClock(t: Test): (milliseconds: number) => void {
  const { now } = Date
  let ahead = 0
  t.intercept(Date, 'now', { value: () => now() + ahead, writable: true, configurable: true })
  return (milliseconds) => {
    ahead += milliseconds
  }
}

async function start(t: Test) {
  const server = await startKeyServer(t, { '/keys': jwks(key) })
  const trust = [{ issuer: TENANT, audience: AUDIENCE, jwksUri: `${server.url}/keys` }]
  // For the tokens time stands still: it is the keys that grow old here.
  const fastify = await buildResourceServer(t, trust, { now: () => issued })
  const counted = async () => {
    const samples = await scrape(fastify)
    const count = (outcome: string) =>
      samples.get(`oauth2_keys_fetched_total{oauth2_issuer="${TENANT}",oauth2_outcome="${outcome}"}`) ?? 0
    return { success: count('success'), failure: count('failure') }
  }
  const fetches = async () => {
    const { success, failure } = await counted()
    t.equal(success + failure, server.requests.length, 'every fetch is counted')
    return { success, failure }
  }
  /** Waits for fetches that nobody waits for. */
  const settled = async (fetched: number) => {
    for (;;) {
      const { success, failure } = await counted()
      if (success + failure >= fetched) return
      await sleep(5)
    }
  }
  const fail = () => server.routes.delete('/keys')
  return { server, fastify, fetches, settled, fail }
}

t.test('50 parallel first requests make one fetch, and all are answered', async (t) => {
  const { fastify, fetches } = await start(t)
  const tokens = Array.from({ length: 50 }, (_, n) => signJwt(key, claimsOf({ jti: `token-${n}` })))
  const { result, added } = await validationsDuring(fastify, () =>
    Promise.all(tokens.map((each) => call(fastify, `Bearer ${each}`)))
  )
  t.strictSame(new Set(result.map(({ statusCode }) => statusCode)), new Set([200]))
  t.strictSame(added, { [validatedSample(undefined, 'mobile')]: 50 })
  t.strictSame(await fetches(), { success: 1, failure: 0 })
})

t.test('50 parallel first requests to a key server that fails make one fetch too', async (t) => {
  const { fastify, fetches, fail } = await start(t)
  fail()
  const { result, added } = await validationsDuring(fastify, () =>
    Promise.all(Array.from({ length: 50 }, () => call(fastify, `Bearer ${token}`)))
  )
  t.strictSame(new Set(result.map(({ statusCode }) => statusCode)), new Set([503]))
  t.strictSame(added, { [validatedSample('unavailable')]: 50 })
  t.strictSame(await fetches(), { success: 0, failure: 1 })
})

t.test('no fetch for issuers that are not trusted, nor for what is no JWT', async (t) => {
  const { fastify, server } = await start(t)
  await assertInvalidToken(t, fastify, signJwt(key, claimsOf({ iss: 'https://x.example' })), 'wrong_issuer', 'unknown')
  await assertInvalidToken(t, fastify, signJwt(key, claimsOf({ iss: server.url })), 'wrong_issuer', 'the key server')
  await assertInvalidToken(t, fastify, 'forged', 'malformed', 'no JWT')
  t.strictSame(server.requests, [])
})

t.test('unknown kids cause no fetch while cooling down, and known kids still validate', async (t) => {
  const { fastify, fetches } = await start(t)
  const advance = ageingClock(t)
  await assertAccepted(t, fastify, token, 'mobile', 'at first')
  for (let n = 0; n < 20; n += 1) {
    await assertInvalidToken(
      t,
      fastify,
      signJwt(next, claimsOf({}, issued), { kid: `random-${n}` }),
      'unknown_key',
      `kid ${n}`
    )
  }
  t.strictSame(await fetches(), { success: 1, failure: 0 })
  advance(COOLDOWN)
  const unknown = Array.from(
    { length: 20 },
    (_, n) => `Bearer ${signJwt(next, claimsOf({}, issued), { kid: `random-${n}` })}`
  )
  const known = `Bearer ${signJwt(key, claimsOf({ jti: 'token-2' }, issued))}`
  const responses = await Promise.all([...unknown, known, ...unknown].map((header) => call(fastify, header)))
  t.strictSame(
    responses.map(({ statusCode }) => statusCode),
    [...unknown.map(() => 401), 200, ...unknown.map(() => 401)]
  )
  t.strictSame(await fetches(), { success: 2, failure: 0 }, 'after it, one fetch for all of them')
})

t.test('a new key is found when the cooldown is over, and the key it replaced is refused at once', async (t) => {
  const { server, fastify, fetches } = await start(t)
  const advance = ageingClock(t)
  await assertAccepted(t, fastify, token, 'mobile', 'the old key')
  server.routes.set('/keys', jwks(next))
  await assertInvalidToken(t, fastify, nextToken, 'unknown_key', 'the new key, while cooling down')
  advance(COOLDOWN)
  await assertAccepted(t, fastify, nextToken, 'mobile', 'the new key')
  await assertInvalidToken(t, fastify, token, 'unknown_key', 'a token remembered from the old key')
  t.strictSame(await fetches(), { success: 2, failure: 0 })
})

t.test(
  'keys are fetched again while they are used, so that a key server that is down for a while is not missed',
  async (t) => {
    const { server, fastify, fetches, settled, fail } = await start(t)
    const advance = ageingClock(t)
    const accept = (jti: string) =>
      assertAccepted(t, fastify, signJwt(key, claimsOf({ jti }, issued)), 'mobile', `${jti}, never seen before`)
    await accept('first')
    advance(REFETCH_AGE - MARGIN)
    await accept('still young')
    t.strictSame(await fetches(), { success: 1, failure: 0 })
    advance(MARGIN)
    await accept('not young any more')
    await settled(2)
    t.strictSame(await fetches(), { success: 2, failure: 0 })
    fail()
    advance(REFETCH_AGE)
    await accept('while it is down')
    await settled(3)
    t.strictSame(await fetches(), { success: 2, failure: 1 })
    await accept('and while it cools down')
    t.strictSame(await fetches(), { success: 2, failure: 1 })
    server.routes.set('/keys', jwks(key))
    advance(COOLDOWN)
    await accept('when it is back')
    await settled(4)
    t.strictSame(await fetches(), { success: 3, failure: 1 })
    advance(MAX_AGE - MARGIN)
    await assertAccepted(t, fastify, token, 'mobile', 'as old as they may be')
  }
)

t.test(
  'a token that is used again and again is enough for that, and a failure meanwhile locks out no new key',
  async (t) => {
    const { server, fastify, settled, fail } = await start(t)
    const advance = ageingClock(t)
    const use = () => assertAccepted(t, fastify, token, 'mobile', 'remembered')
    await use()
    advance(REFETCH_AGE)
    await use()
    await settled(2)
    fail()
    advance(REFETCH_AGE)
    await use()
    await settled(3)
    advance(COOLDOWN - MARGIN)
    await use()
    await sleep(50)
    t.equal(server.requests.length, 3, 'not again at once')
    server.routes.set('/keys', jwks(key, next))
    await assertAccepted(t, fastify, nextToken, 'mobile', 'the new key')
    await use()
  }
)

t.test('B28: a removed key is refused when the keys have reached their age', async (t) => {
  const { server, fastify, fetches } = await start(t)
  const advance = ageingClock(t)
  await assertAccepted(t, fastify, token, 'mobile', 'before')
  server.routes.set('/keys', jwks(next))
  advance(MAX_AGE - 1000)
  await assertAccepted(t, fastify, token, 'mobile', 'a second before')
  advance(1000)
  await assertInvalidToken(t, fastify, token, 'unknown_key', 'at that age')
  t.strictSame(await fetches(), { success: 2, failure: 0 })
})

t.test('B28: and also while the key server is failing: 503, then by what it says when it is back', async (t) => {
  const { server, fastify, fetches, fail } = await start(t)
  const advance = ageingClock(t)
  await assertAccepted(t, fastify, token, 'mobile', 'before')
  fail()
  advance(MAX_AGE)
  await assertUnavailable(t, fastify, token, 'the keys are too old')
  await assertUnavailable(t, fastify, nextToken, 'a key never seen')
  t.strictSame(await fetches(), { success: 1, failure: 1 })
  server.routes.set('/keys', jwks(next))
  await assertUnavailable(t, fastify, token, 'back, but cooling down from the failure')
  t.strictSame(await fetches(), { success: 1, failure: 1 })
  advance(COOLDOWN)
  await assertInvalidToken(t, fastify, token, 'unknown_key', 'the removed key')
  await assertAccepted(t, fastify, nextToken, 'mobile', 'the new key')
  t.strictSame(await fetches(), { success: 2, failure: 1 })
})

t.test('a failed first fetch cools down: 503 with Retry-After and no further fetch', async (t) => {
  const { server, fastify, fetches, fail } = await start(t)
  const advance = ageingClock(t)
  fail()
  for (let n = 0; n < 5; n += 1) await assertUnavailable(t, fastify, token, `call ${n}`)
  t.strictSame(await fetches(), { success: 0, failure: 1 })
  advance(COOLDOWN)
  server.routes.set('/keys', jwks(key))
  await assertAccepted(t, fastify, token, 'mobile', 'after the cooldown')
  t.strictSame(await fetches(), { success: 1, failure: 1 })
})

t.test('a failed fetch for an unknown kid costs known kids nothing', async (t) => {
  const { fastify, fetches, fail } = await start(t)
  const advance = ageingClock(t)
  await assertAccepted(t, fastify, token, 'mobile', 'before')
  fail()
  advance(COOLDOWN)
  for (const kid of ['random-1', 'random-2']) {
    await assertInvalidToken(t, fastify, signJwt(next, claimsOf({}, issued), { kid }), 'unknown_key', kid)
    await assertAccepted(t, fastify, token, 'mobile', 'remembered')
    await assertAccepted(t, fastify, signJwt(key, claimsOf({ jti: kid }, issued)), 'mobile', 'never seen before')
  }
  t.strictSame(await fetches(), { success: 1, failure: 1 })
})
