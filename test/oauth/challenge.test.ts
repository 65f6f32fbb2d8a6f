import { once } from 'node:events'
import { createServer } from 'node:http'
import t from 'tap'
import { claimsOf, forgeJwt, makeKey, signJwt } from '../support/jwt.ts'
import { assertInvalidToken, buildResourceServer, CHALLENGE, call, trustIn } from '../support/resource-server.ts'

const key = makeKey('key-1')
const good = signJwt(key)

/** `Bearer` and auth-params, each quoted-string free of what would need escaping (RFC 6750 section 3). */
const GRAMMAR = /^Bearer( [a-z_]+="[\x20\x21\x23-\x5B\x5D-\x7E]*"(,(?= )|$))+$/

const HEADERS: Record<string, string | undefined> = {
  missing: undefined,
  request: `Bearer ${good} more`,
  token: 'Bearer forged',
  scope: `Bearer ${signJwt(key, claimsOf({ scope: 'other' }))}`
}

t.test(
  'B10: a challenge is one Bearer with each attribute once, quoted, its description from a fixed list',
  async (t) => {
    const fastify = await buildResourceServer(t, [trustIn(key)])
    const status = { missing: 401, request: 400, token: 401, scope: 403 }
    for (const [name, challenge] of Object.entries(CHALLENGE)) {
      const response = await call(fastify, HEADERS[name])
      const value = String(response.headers['www-authenticate'])
      t.equal(response.statusCode, status[name as keyof typeof CHALLENGE], name)
      t.equal(value, challenge, name)
      t.match(value, GRAMMAR, name)
      const attributes = [...value.matchAll(/(\w+)="/g)].map(([, attribute]) => attribute)
      t.equal(new Set(attributes).size, attributes.length, name)
    }
  }
)

t.test('B11: the bodies of 400, 401 and 403 tell neither token nor claims', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  const canary = 'canary-4711'
  const claims = claimsOf({ sub: canary, jti: canary, client_id: canary, scope: canary })
  const [head, body, signature] = signJwt(key, claims).split('.')
  const headers = {
    forbidden: `Bearer ${head}.${body}.${signature}`,
    forged: `Bearer ${head}.${body}.AAAA`,
    malformed: `Bearer ${head}.${body}.${signature} ${canary}`,
    'another scheme': `Basic ${canary}`,
    'wrong issuer': `Bearer ${signJwt(key, { ...claims, iss: canary })}`,
    'unknown kid': `Bearer ${signJwt(key, claims, { kid: canary })}`,
    'unknown crit': `Bearer ${signJwt(key, claims, { crit: [canary], [canary]: 1 })}`,
    'unknown alg': `Bearer ${forgeJwt({ alg: canary, kid: 'key-1' }, claims)}`
  }
  for (const [what, header] of Object.entries(headers)) {
    const response = await call(fastify, header)
    t.ok(response.statusCode >= 400 && response.statusCode < 404, what)
    const answer = JSON.stringify(response.headers) + response.body
    t.notOk(answer.includes(canary) || answer.includes(String(body)), what)
  }
})

t.test('A14: CRLF, quotes and a snowman in the token leave the challenge as it is', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  for (const nasty of ['\r\nSet-Cookie: a=b', 'a"b\\', '☃', '\u0000', '\u2028']) {
    const what = encodeURIComponent(nasty)
    const token = (claims: object, header = {}) => signJwt(key, claimsOf({ ...claims }), header)
    await assertInvalidToken(t, fastify, token({}, { kid: nasty }), 'unknown_key', `kid ${what}`)
    await assertInvalidToken(t, fastify, token({ iss: nasty }), 'wrong_issuer', `iss ${what}`)
    await assertInvalidToken(t, fastify, token({}, { typ: nasty }), 'wrong_type', `typ ${what}`, 'mobile')
    await assertInvalidToken(t, fastify, token({ aud: nasty }), 'wrong_audience', `aud ${what}`, 'mobile')
    const crit = { crit: [nasty], [nasty]: 1 }
    await assertInvalidToken(t, fastify, token({}, crit), 'unsupported_extension', `crit ${what}`, 'mobile')
  }
  for (const scope of ['☃', 'a"b', 'x\r\nSet-Cookie: a=b']) {
    const token = signJwt(key, claimsOf({ scope }))
    await assertInvalidToken(t, fastify, token, 'invalid_claim', `scope ${encodeURIComponent(scope)}`, 'mobile')
  }
})

t.test('A14: over the wire too the challenge is one header, and no other appears', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  const url = await fastify.listen({ host: '127.0.0.1', port: 0 })
  const crit = ['\r\nSet-Cookie: a=b', '☃"']
  const authorization = `Bearer ${signJwt(key, claimsOf({ scope: '☃' }), { crit })}`
  const response = await fetch(`${url}/orders`, { headers: { authorization } })
  t.equal(response.status, 401)
  t.equal(response.headers.get('www-authenticate'), CHALLENGE.token)
  t.equal(response.headers.get('set-cookie'), null)
  await response.text()
})

t.test('A14: a realm that would break the challenge is refused at registration', async (t) => {
  for (const realm of ['a"b', 'a\\b', 'a\r\nb', '☃']) {
    await t.rejects(
      buildResourceServer(t, [trustIn(key)], { realm }),
      new TypeError('realm must be printable ASCII without quotes and backslashes')
    )
  }
})

t.test('A14: a client whose name could break a metric line is not a label', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  const token = signJwt(key, claimsOf({ client_id: 'a"} 1\noauth2_token_issued_total 7' }))
  t.equal((await call(fastify, `Bearer ${token}`)).statusCode, 200)
  const { body } = await fastify.inject({ url: '/metrics' })
  t.notMatch(body, /issued_total 7/)
  t.match(body, /oauth2_token_validated_total\{[^\n]*oauth2_client_id="unknown"[^\n]*"valid"[^\n]*\} 1\n/)
})

t.test('A16: jwk, jku, x5u, x5c and iss cause no request and choose no key', async (t) => {
  let connections = 0
  const spy = createServer((_request, response) => response.end('{"keys":[]}'))
  spy.on('connection', () => {
    connections += 1
  })
  await once(spy.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => spy.close())
  const { port } = spy.address() as { port: number }
  const url = `http://127.0.0.1:${port}`

  const fastify = await buildResourceServer(t, [trustIn(key)])
  const attacker = makeKey('key-1')
  const pointers = {
    jku: `${url}/jwks`,
    x5u: `${url}/cert`,
    jwk: attacker.publicJwk,
    x5c: ['AAAA'],
    'x5t#S256': 'AAAA'
  }
  for (const [name, value] of Object.entries(pointers)) {
    const header = { [name]: value }
    await assertInvalidToken(t, fastify, signJwt(attacker, claimsOf(), header), 'bad_signature', `B20: ${name}`)
    const unknown = { ...header, kid: 'attacker' }
    await assertInvalidToken(t, fastify, signJwt(attacker, claimsOf(), unknown), 'unknown_key', `B20: ${name} and kid`)
    t.equal((await call(fastify, `Bearer ${signJwt(key, claimsOf(), header)}`)).statusCode, 200, `${name} is ignored`)
  }
  for (const iss of [url, `${url}/`, `http://localhost:${port}`]) {
    await assertInvalidToken(t, fastify, signJwt(attacker, claimsOf({ iss })), 'wrong_issuer', `iss ${iss}`)
  }
  await fetch(url).then((response) => response.text())
  t.equal(connections, 1, 'the spy saw its own call, and nothing else')
})
