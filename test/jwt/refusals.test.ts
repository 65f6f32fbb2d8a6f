import t, { type Test } from 'tap'
import type { RefusalReason } from '../../lib/index.ts'
import { claimsOf, forgeJwt, makeKey, segment, signJwt } from '../support/jwt.ts'
import { assertAccepted, assertInvalidToken, buildResourceServer, trustIn } from '../support/resource-server.ts'
import { AUDIENCE } from '../support/server.ts'

const key = makeKey('key-1')
const rsa = makeKey('rsa-1', 'RS256')
const impostor = makeKey('key-1')
const good = signJwt(key)
const [head = '', body = '', signature = ''] = good.split('.')
const now = Math.floor(Date.now() / 1000)

const claim = (overrides: Record<string, unknown>) => signJwt(key, claimsOf(overrides))
const header = (overrides: Record<string, unknown>) => signJwt(key, claimsOf(), overrides)
const raw = (member: string) => signJwt(key, JSON.stringify(claimsOf()).replace(/\}$/, `,${member}}`))

type Row = [what: string, token: string, reason: RefusalReason]

async function allRefused(t: Test, rows: readonly Row[], client: string) {
  const fastify = await buildResourceServer(t, [trustIn(key, rsa)])
  for (const [what, token, reason] of rows) await assertInvalidToken(t, fastify, token, reason, what, client)
  await assertAccepted(t, fastify, good, 'mobile', 'the token they were made from')
}

t.test('B07: what cannot be decoded is 401 invalid_token, as malformed', async (t) => {
  await allRefused(
    t,
    [
      ['no dots', 'abc', 'malformed'],
      ['one dot', 'abc.def', 'malformed'],
      ['nothing but dots', '..', 'malformed'],
      ['a JWE of five parts', `${segment({ alg: 'dir', enc: 'A256GCM' })}..aXY.Y2lwaGVy.dGFn`, 'malformed'],
      ['a header that is no JSON', `${segment('{"alg":')}.${body}.${signature}`, 'malformed'],
      ['a header that is an array', `${segment([])}.${body}.${signature}`, 'malformed'],
      ['a header that is null', `${segment('null')}.${body}.${signature}`, 'malformed'],
      ['a payload that is no JSON', `${head}.${segment('iss')}.${signature}`, 'malformed'],
      ['base64 padding', `${good}=`, 'malformed'],
      ['base64 that is not base64url', `${head}.${body}.ab+/`, 'malformed'],
      [
        'bytes that are not UTF-8',
        `${head}.${Buffer.from([0xff, 0xfe]).toString('base64url')}.${signature}`,
        'malformed'
      ]
    ],
    'unknown'
  )
})

t.test('B24: a payload that is not a JSON object is 401 invalid_token', async (t) => {
  const rows = ['[]', 'null', '"iss"', '42', 'true'].map(
    (json): Row => [`the payload ${json}`, signJwt(key, json), 'malformed']
  )
  await allRefused(t, rows, 'unknown')
})

t.test('B07: what is not signed by the key is 401 invalid_token, under no client label', async (t) => {
  const header = { alg: 'ES256', kid: 'key-1', typ: 'at+jwt' }
  const none = ['none', 'None', 'NONE', 'nOnE'].flatMap((alg): Row[] => [
    [`alg ${alg} without signature`, forgeJwt({ ...header, alg }, claimsOf()), 'unsupported_algorithm'],
    [`alg ${alg} with signature`, forgeJwt({ ...header, alg }, claimsOf(), signature), 'unsupported_algorithm']
  ])
  await allRefused(
    t,
    [
      ...none,
      ['no alg', signJwt(key, claimsOf(), { alg: undefined }), 'unsupported_algorithm'],
      ['an alg that is an array', signJwt(key, claimsOf(), { alg: ['ES256'] }), 'unsupported_algorithm'],
      ['an alg of another case', signJwt(key, claimsOf(), { alg: 'es256' }), 'unsupported_algorithm'],
      ['no signature', forgeJwt(header, claimsOf()), 'bad_signature'],
      ['a signature of zeros', forgeJwt(header, claimsOf(), 'A'.repeat(86)), 'bad_signature'],
      ['a short signature', forgeJwt(header, claimsOf(), 'AAAA'), 'bad_signature'],
      ['another key with the same kid', signJwt(impostor), 'bad_signature'],
      ['a changed payload', `${head}.${segment(claimsOf({ sub: 'bob' }))}.${signature}`, 'bad_signature'],
      ['an unknown kid', signJwt(key, claimsOf(), { kid: 'key-2' }), 'unknown_key'],
      ['no kid where there are two keys', signJwt(key, claimsOf(), { kid: undefined }), 'unknown_key'],
      ['a kid that is a number', signJwt(key, claimsOf(), { kid: 1 }), 'unknown_key']
    ],
    'unknown'
  )
})

t.test('B14: iss is compared as an exact string, before any key is chosen', async (t) => {
  const wrong = [
    undefined,
    null,
    1,
    '',
    ['https://tenant.example'],
    'https://tenant.example/',
    'HTTPS://tenant.example'
  ]
  const rows = wrong.map((iss): Row => [`iss ${JSON.stringify(iss)}`, claim({ iss }), 'wrong_issuer'])
  await allRefused(t, rows, 'unknown')
})

t.test('B13: only typ at+jwt or application/at+jwt, in any case', async (t) => {
  const wrong = [undefined, null, '', 'JWT', 'jwt', 'at', 'application/jwt', 'at+jwt ', 7, ['at+jwt']]
  await allRefused(
    t,
    wrong.map((typ): Row => [`typ ${JSON.stringify(typ)}`, header({ typ }), 'wrong_type']),
    'mobile'
  )
  const fastify = await buildResourceServer(t, [trustIn(key)])
  for (const typ of ['at+jwt', 'application/at+jwt', 'AT+JWT', 'application/AT+jwt']) {
    await assertAccepted(t, fastify, header({ typ }), 'mobile', `typ ${typ}`)
  }
})

t.test('B26: an ID token, typ JWT and the client as audience, is refused', async (t) => {
  const idToken = {
    iss: claimsOf().iss,
    sub: 'alice',
    aud: 'mobile',
    azp: 'mobile',
    iat: now,
    exp: now + 300,
    nonce: 'n'
  }
  await allRefused(t, [['an ID token', signJwt(key, idToken, { typ: 'JWT' }), 'wrong_type']], 'mobile')
})

t.test('B07: crit is understood to have nothing in it that we know', async (t) => {
  const wrong = [['b64'], ['exp'], ['alg'], [], '', null, false, 0, {}, [1], ['a', 'a'], [['a']]]
  await allRefused(
    t,
    wrong.map((crit): Row => [`crit ${JSON.stringify(crit)}`, header({ crit, b64: true }), 'unsupported_extension']),
    'mobile'
  )
})

t.test('B15: aud is a string or an array that has us in it', async (t) => {
  const other = 'https://other.example'
  const wrong: [aud: unknown, reason: RefusalReason][] = [
    [undefined, 'missing_claim'],
    [null, 'invalid_claim'],
    [7, 'invalid_claim'],
    [{ 0: AUDIENCE }, 'invalid_claim'],
    [[AUDIENCE, 7], 'invalid_claim'],
    [[[AUDIENCE]], 'invalid_claim'],
    [[], 'wrong_audience'],
    ['', 'wrong_audience'],
    [other, 'wrong_audience'],
    [[other, ''], 'wrong_audience'],
    [`${AUDIENCE}/`, 'wrong_audience'],
    [AUDIENCE.toUpperCase(), 'wrong_audience']
  ]
  await allRefused(
    t,
    wrong.map(([aud, reason]): Row => [`aud ${JSON.stringify(aud)}`, claim({ aud }), reason]),
    'mobile'
  )
  const fastify = await buildResourceServer(t, [trustIn(key)])
  await assertAccepted(t, fastify, claim({ aud: [other, AUDIENCE] }), 'mobile', 'an array with us in it')
})

t.test('B07: every claim of RFC 9068 section 2.2 must be there', async (t) => {
  const missing = ['exp', 'sub', 'iat', 'jti'].map(
    (name): Row => [`no ${name}`, claim({ [name]: undefined }), 'missing_claim']
  )
  await allRefused(t, missing, 'mobile')
  await allRefused(t, [['no client_id', claim({ client_id: undefined }), 'missing_claim']], 'unknown')
})

t.test('B07: claims of a wrong JSON type are 401 invalid_token', async (t) => {
  const times = ['exp', 'nbf', 'iat'].flatMap((name) =>
    [null, '', String(now), true, [now], { now }, 1e20].map(
      (value): Row => [`${name} ${JSON.stringify(value)}`, claim({ [name]: value }), 'invalid_claim']
    )
  )
  const texts = ['sub', 'azp', 'jti'].flatMap((name) =>
    [null, '', 7, ['x'], {}].map(
      (value): Row => [`${name} ${JSON.stringify(value)}`, claim({ [name]: value }), 'invalid_claim']
    )
  )
  const scopes = [null, 7, ['orders:read'], ' ', 'orders:read  x', 'a"b', 'a\\b', 'orders:read\n'].map(
    (scope): Row => [`scope ${JSON.stringify(scope)}`, claim({ scope }), 'invalid_claim']
  )
  await allRefused(t, [...times, ...texts, ...scopes], 'mobile')
})

t.test('B07: a client_id of a wrong JSON type is 401 invalid_token, under no client label', async (t) => {
  const rows = [null, 7, ['mobile'], {}].map(
    (id): Row => [`client_id ${JSON.stringify(id)}`, claim({ client_id: id }), 'invalid_claim']
  )
  await allRefused(t, rows, 'unknown')
})

t.test('B07: numbers that are no time are 401 invalid_token', async (t) => {
  await allRefused(
    t,
    [
      ['exp beyond all numbers', raw('"exp":1e999'), 'invalid_claim'],
      ['nbf beyond all dates', raw('"nbf":1e20'), 'invalid_claim'],
      ['iat below all numbers', raw('"iat":-1e999'), 'invalid_claim']
    ],
    'mobile'
  )
})
