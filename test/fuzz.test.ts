import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import fc from 'fast-check'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { asHeaders, forgedTokens, mutated, noise } from './support/fuzz/mutations.ts'
import { assertAnswered, assertForeseen, assertGuarded, parseChallenge } from './support/fuzz/verdicts.ts'
import { injectAll, type RawRequest, type RawResponse, Wire } from './support/fuzz/wire.ts'
import { scrape } from './support/metrics.ts'
import { basic, buildServer } from './support/server.ts'

/*
 * 210,000 requests: headers over a real socket, in bytes as a client could send them and Node lets them through; forms
 * by injection. A failure tells fast-check's seed.
 */

const BATCH = 100
const FORM = 'application/x-www-form-urlencoded'
const NO_LIMIT = { failedAttempts: { max: 1_000_000, window: 1 } }

t.setTimeout(280_000)

t.test('the strict reading of challenges is strict', async (t) => {
  t.strictSame(parseChallenge('Bearer realm="oauth", error="invalid_token"'), {
    scheme: 'Bearer',
    parameters: { realm: 'oauth', error: 'invalid_token' }
  })
  for (const wrong of [
    ...['Bearer', 'Bearer ', 'Bearer realm', 'Bearer realm=oauth', 'Bearer realm="a"b"', 'Bearer realm="a\\"b"'],
    ...['Bearer realm="a",error="b"', 'Bearer realm="a", ', 'Bearer realm="a", realm="a"', 'Bearer realm="\xe9"'],
    ...['Bearer realm="a", Basic realm="b"', 'Bearer  realm="a"', 'Bearer realm="a\tb"']
  ]) {
    t.throws(() => parseChallenge(wrong), wrong)
  }
})

/** Sends the requests that many times, a batch at a time, and judges every response. */
async function fuzz(
  fastify: FastifyInstance,
  send: (batch: readonly RawRequest[]) => Promise<RawResponse[]>,
  requests: fc.Arbitrary<RawRequest>,
  count: number,
  judge: (response: RawResponse) => void
): Promise<ReadonlyMap<string, number>> {
  const answers = new Map<string, number>()
  const property = fc.asyncProperty(
    fc.array(requests, { minLength: BATCH, maxLength: BATCH, size: 'max' }),
    async (batch) => {
      const responses = await send(batch)
      for (const [index, response] of responses.entries()) {
        try {
          judge(response)
        } catch (cause) {
          throw new Error(`${inspect(batch[index])} got ${inspect(response)}`, { cause })
        }
        const answer = response.status === 200 ? '200' : `${response.status} ${response.body}`
        answers.set(answer, (answers.get(answer) ?? 0) + 1)
      }
    }
  )
  const { failed, seed, errorInstance } = await fc.check(property, { numRuns: count / BATCH, endOnFailure: true })
  if (failed) throw new Error(`fast-check seed ${seed}`, { cause: errorInstance })
  for (const sample of (await scrape(fastify)).keys()) if (sample.startsWith('oauth2_')) assertForeseen(sample)
  return answers
}

const authorization = (values: readonly string[]) => asHeaders('authorization', values)

t.test('110,000 Authorization headers at the guard: never a 5xx, and every challenge is well-formed', async (t) => {
  const fastify = await buildServer(t)
  const wire = await Wire.open(Number(new URL(await fastify.listen({ port: 0 })).port))
  t.teardown(() => wire.close())
  const issue = (scope: string[]) =>
    fastify.oauth.issue({ clientId: 'web', subject: 'alice', scope, refreshable: true })
  const [live, revoked, weak] = [
    await issue(['orders:read']),
    await issue(['orders:read']),
    await issue(['orders:write'])
  ]
  await fastify.oauth.revoke({ token: revoked.access_token, reason: 'logout', by: 'test' })
  const genuine = [live, revoked, weak].map(({ access_token: token }) => `Bearer ${token}`)
  const values = fc.oneof(
    { weight: 5, arbitrary: mutated(fc.constantFrom(...genuine, `Bearer ${live.refresh_token}`, basic('a', 'b'))) },
    { weight: 3, arbitrary: forgedTokens(live.access_token).map((token) => `Bearer ${token}`) },
    { weight: 1, arbitrary: mutated(forgedTokens(live.access_token).map((token) => `bearer  ${token}`)) },
    { weight: 1, arbitrary: noise },
    { weight: 1, arbitrary: noise.map((value) => `Bearer ${value}`) }
  )
  const headers = fc.array(values, { minLength: 1, maxLength: 1 })
  const requests = fc
    .oneof({ weight: 30, arbitrary: headers }, { weight: 1, arbitrary: fc.array(values, { maxLength: 3 }) })
    .map((all): RawRequest => ({ method: 'GET', path: '/orders', headers: authorization(all) }))
  const answers = await fuzz(fastify, (batch) => wire.send(batch), requests, 110_000, assertGuarded)

  t.strictSame(
    [...new Set([...answers.keys()].map((answer) => answer.slice(0, 3)))].sort(),
    ['200', '400', '401', '403'],
    'all kinds of answers have been seen'
  )
  t.equal(answers.size, 5, 'each says one of a few fixed sentences: nothing that was sent comes back')
})

const REFRESH = 'grant_type=refresh_token&client_id=web&refresh_token=dGhpcyBpcyBub3QgYSB0b2tlbg'
const CREDENTIALS = 'client_id=backend&client_secret=backend-secret'

/** Valid forms, and nearly valid ones. */
const FORMS = {
  token: [
    REFRESH,
    `${REFRESH}&scope=orders%3Aread+orders%3Awrite&resource=https%3A%2F%2Fapi.example`,
    'grant_type=client_credentials&client_id=reports&client_secret=reports-secret&scope=orders%3Adelete',
    'grant_type=client_credentials&client_id=reports&client_secret=reports-secret&resource=https%3A%2F%2Felsewhere',
    'grant_type=client_credentials&client_id=web&__proto__=x&constructor=y',
    `grant_type=password&username=alice&password=x&${CREDENTIALS}`,
    `grant_type=refresh_token&refresh_token=%E2%98%83&${CREDENTIALS}`,
    ''
  ],
  revoke: [`token=abc&token_type_hint=refresh_token&${CREDENTIALS}`, 'token=abc&client_id=web', ''],
  introspect: [
    'token=abc&token_type_hint=access_token&client_id=gateway&client_secret=gateway-secret',
    'token=abc&client_id=web',
    `token=abc&${CREDENTIALS}`
  ]
} as const

const ODD_TYPES = [
  'application/json',
  'text/plain',
  'multipart/form-data; boundary=x',
  `${FORM}; charset=utf-16`,
  '/',
  ';',
  '\xff'
]

function fuzzEndpoint(fastify: FastifyInstance, endpoint: keyof typeof FORMS, count: number) {
  return fuzz(fastify, (batch) => injectAll(fastify, batch), posts(endpoint), count, assertAnswered)
}

const base64 = (pair: string): string => Buffer.from(pair, 'latin1').toString('base64')

/** Posts of mutated forms, with or without (mutated) credentials in the header, mostly of the right type. */
function posts(endpoint: keyof typeof FORMS): fc.Arbitrary<RawRequest> {
  const form = fc.constantFrom<string>(...FORMS[endpoint])
  const doubled = fc.tuple(form, form).map(([a, b]) => `${a}&${b}`)
  const bodies = fc.oneof(
    { weight: 8, arbitrary: mutated(form) },
    { weight: 1, arbitrary: doubled },
    { weight: 1, arbitrary: noise }
  )
  const credentials = fc.oneof(
    { weight: 6, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.constant([basic('backend', 'backend-secret')]) },
    {
      weight: 2,
      arbitrary: mutated(fc.constantFrom(basic('reports', 'reports-secret'), 'Bearer x')).map((one) => [one])
    },
    { weight: 2, arbitrary: mutated(fc.constant('reports:reports%2Dsecret')).map((pair) => [`Basic ${base64(pair)}`]) },
    {
      weight: 1,
      arbitrary: fc.array(
        noise.map((value) => `Basic ${value}`),
        { minLength: 1, maxLength: 2 }
      )
    }
  )
  const types = fc.oneof({ weight: 15, arbitrary: fc.constant(FORM) }, fc.constantFrom(...ODD_TYPES))
  return fc.tuple(bodies, credentials, types).map(([body, values, type]) => ({
    method: 'POST',
    path: `/oauth/${endpoint}`,
    headers: [['content-type', type], ...authorization(values)],
    body: Buffer.from(body.slice(0, 16_000), 'latin1')
  }))
}

for (const [endpoint, count] of [
  ['token', 50_000],
  ['revoke', 20_000],
  ['introspect', 20_000]
] as const) {
  t.test(`${count} forms at /${endpoint}: never a 5xx, and errors as RFC 6749 has them`, async (t) => {
    const answers = await fuzzEndpoint(await buildServer(t, NO_LIMIT), endpoint, count)
    t.ok(answers.size > 4, 'many kinds of answers have been seen')
    t.ok(answers.size < 20, 'each says one of a few fixed sentences: nothing that was sent comes back')
  })
}

t.test('10,000 forms under the usual limits: who fails too often waits, and is told so', async (t) => {
  const answers = await fuzzEndpoint(await buildServer(t), 'token', 10_000)
  t.ok([...answers.keys()].some((answer) => answer.startsWith('429')))
})

t.test('bodies beyond the limit are refused as OAuth refuses', async (t) => {
  const fastify = await buildServer(t, NO_LIMIT)
  const headers = [['content-type', FORM]] as const
  const requests = [16_385, 100_000, 2_000_000].map((length): RawRequest => {
    return { method: 'POST', path: '/oauth/token', headers, body: Buffer.alloc(length, 'x') }
  })
  for (const response of await injectAll(fastify, requests)) {
    assertAnswered(response)
    t.equal(response.status, 413)
  }
})

t.test('no requests of any kind bring a series of their own', async (t) => {
  t.throws(() => assertForeseen('oauth2_token_validated_total{oauth2_client_id="evil"}'), 'the judge sees one')
  assert.doesNotThrow(() => assertForeseen('oauth2_token_validated_total{oauth2_client_id="unknown"}'))
})
