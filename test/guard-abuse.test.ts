import t from 'tap'
import { claimsOf, forgeJwt, makeKey, signJwt } from './support/jwt.ts'
import {
  assertAccepted,
  assertInvalidToken,
  buildResourceServer,
  call,
  trustIn,
  validationsDuring
} from './support/resource-server.ts'
import { buildServer } from './support/server.ts'

const key = makeKey('key-1')

/** A good token that is exactly so long: not every payload length can be had, but with a longer header it can. */
function tokenOfLength(length: number): string {
  for (const header of [{}, { x: '' }, { x: 'x' }, { x: 'xx' }]) {
    const bare = signJwt(key, claimsOf({ pad: '' }), header).length
    for (let pad = Math.floor(((length - bare) * 3) / 4) - 3, size = 0; size < length; pad += 1) {
      const token = signJwt(key, claimsOf({ pad: 'x'.repeat(pad) }), header)
      size = token.length
      if (size === length) return token
    }
  }
  throw new Error(`no token is ${length} long`)
}

t.test('A3: a token longer than 8192 characters is refused unread', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  await assertAccepted(t, fastify, tokenOfLength(8192), 'mobile', '8192')
  await assertInvalidToken(t, fastify, tokenOfLength(8193), 'malformed', '8193, but good')
  await assertInvalidToken(t, fastify, 'x'.repeat(1_000_000), 'malformed', 'a megabyte')
})

t.test('A3: what is longer and no Bearer token at all is a malformed request', async (t) => {
  const headers = { authorization: `Bearer ${'é'.repeat(8193)}` }
  for (const fastify of [await buildResourceServer(t, [trustIn(key)]), await buildServer(t)]) {
    const { statusCode, body } = await fastify.inject({ url: '/orders', headers })
    t.equal(statusCode, 400)
    t.match(JSON.parse(body), { error: 'invalid_request' })
  }
})

t.test('A4: deeply nested JSON is refused, wherever it is', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
  const withClaim = (name: string, json: string) => JSON.stringify(claimsOf()).replace(/\}$/, `,"${name}":${json}}`)
  const deep = nested(2800)
  await assertInvalidToken(t, fastify, signJwt(key, withClaim('x', deep)), 'invalid_claim', 'claim', 'mobile')
  await assertInvalidToken(t, fastify, signJwt(key, withClaim('aud', deep)), 'invalid_claim', 'aud', 'mobile')
  await assertInvalidToken(t, fastify, signJwt(key, withClaim('iss', deep)), 'wrong_issuer', 'iss')
  await assertInvalidToken(t, fastify, forgeJwt(deep, claimsOf(), 'AAAA'), 'malformed', 'header')
  const header = `{"alg":"ES256","kid":"key-1","typ":"at+jwt","crit":${deep}}`
  await assertInvalidToken(t, fastify, signJwt(key, claimsOf(), header), 'unsupported_extension', 'crit', 'mobile')
  await assertAccepted(t, fastify, signJwt(key, withClaim('x', nested(15))), 'mobile', 'fifteen levels')
  await assertInvalidToken(t, fastify, signJwt(key, withClaim('x', nested(16))), 'invalid_claim', 'sixteen', 'mobile')
})

t.test('A15: __proto__ and constructor claims pollute nothing', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  fastify.get('/claims', { onRequest: fastify.oauth.require() }, async ({ token: { claims } }) => ({
    prototype: Object.getPrototypeOf(claims),
    nested: Object.getPrototypeOf(claims.nested),
    inherited: [claims.isAdmin ?? null, claims.toString ?? null],
    plain: ({} as Record<string, unknown>).isAdmin ?? null
  }))
  const evil = '{"isAdmin":true}'
  const json = JSON.stringify(claimsOf()).replace(
    /\}$/,
    `,"__proto__":${evil},"constructor":{"prototype":${evil}},"nested":{"__proto__":${evil}}}`
  )
  const authorization = `Bearer ${signJwt(key, json)}`
  const response = await fastify.inject({ url: '/claims', headers: { authorization } })
  t.strictSame(response.json(), { prototype: null, nested: null, inherited: [null, null], plain: null })
  t.equal(({} as Record<string, unknown>).isAdmin, undefined)
})

t.test('A15: a claim that only __proto__ has is missing', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  const { jti, ...claims } = claimsOf()
  const json = JSON.stringify(claims).replace(/\}$/, `,"__proto__":{"jti":"${jti}"}}`)
  await assertInvalidToken(t, fastify, signJwt(key, json), 'missing_claim', 'jti of __proto__', 'mobile')
})

t.test('B21: kid is an opaque key: paths, SQL and names of Object.prototype are just unknown', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key, makeKey('key-2'))])
  const kids = ['../../dev/null', "' OR 1=1 --", '__proto__', 'constructor', 'toString', 'hasOwnProperty', '', 'KEY-1']
  for (const kid of [...kids, 'k'.repeat(4000)]) {
    await assertInvalidToken(t, fastify, signJwt(key, claimsOf(), { kid }), 'unknown_key', `kid ${kid.slice(0, 20)}`)
  }
})

t.test('A1: forged tokens with client ids, kids and issuers of their own make no series', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  const { added } = await validationsDuring(fastify, async () => {
    for (let index = 0; index < 300; index += 1) {
      const claims = claimsOf({
        client_id: `c${index}`,
        ...(index % 3 === 0 ? { iss: `https://i${index}.example` } : {})
      })
      const kid = index % 3 === 1 ? `k${index}` : 'key-1'
      await call(fastify, `Bearer ${forgeJwt({ alg: 'ES256', kid, typ: 'at+jwt' }, claims, 'AAAA')}`)
    }
  })
  const sample = (reason: string) =>
    `oauth2_token_validated_total{oauth2_client_id="unknown",oauth2_validation_reason="${reason}",oauth2_validation_result="invalid"}`
  t.strictSame(added, { [sample('wrong_issuer')]: 100, [sample('unknown_key')]: 100, [sample('bad_signature')]: 100 })
})
