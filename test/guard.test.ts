import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import type { OAuthTelemetryOptions, RequireHook } from '../lib/index.ts'
import { makeKey, signJwt } from './support/jwt.ts'
import {
  assertInvalidToken,
  assertRefused,
  buildResourceServer,
  CHALLENGE,
  call,
  trustIn,
  validatedSample,
  validationsDuring
} from './support/resource-server.ts'
import { AUDIENCE, buildServer, callOrders } from './support/server.ts'

const key = makeKey('key-1')
const token = signJwt(key)
const INVALID_REQUEST = {
  status: 400,
  challenge: CHALLENGE.request,
  error: 'invalid_request',
  reason: 'malformed'
} as const

t.test('B01: no credentials, or those of another scheme: 401 and no error attribute', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  const others = [undefined, '', 'Basic YTpi', `DPoP ${token}`, `Bearertoken ${token}`, `Bearer-x ${token}`, token]
  for (const authorization of others) {
    const { result: response, added } = await validationsDuring(fastify, () => call(fastify, authorization))
    const what = JSON.stringify(authorization?.slice(0, 12) ?? 'none')
    t.equal(response.statusCode, 401, what)
    t.equal(response.headers['www-authenticate'], 'Bearer realm="oauth"', what)
    t.strictSame(
      response.json(),
      { statusCode: 401, error: 'Unauthorized', message: 'No Bearer token was presented.' },
      what
    )
    t.strictSame(added, { [validatedSample('missing')]: 1 }, what)
  }
})

t.test('B02: the scheme is case-insensitive', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  for (const scheme of ['Bearer', 'bearer', 'BEARER', 'bEaReR']) {
    t.equal((await call(fastify, `${scheme} ${token}`)).statusCode, 200, scheme)
  }
})

t.test('B03: one or more spaces separate the scheme from the token', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  for (const spaces of [1, 2, 17]) {
    t.equal((await call(fastify, `Bearer${' '.repeat(spaces)}${token}`)).statusCode, 200, `${spaces} spaces`)
  }
})

t.test('B04: a header that is not "Bearer 1*SP b64token": 400 invalid_request', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  const wrong = {
    'a TAB': `Bearer\t${token}`,
    'a TAB after the space': `Bearer \t${token}`,
    'no token': 'Bearer',
    'an empty token': 'Bearer ',
    'data after the token': `Bearer ${token} more`,
    'a parameter after the token': `Bearer ${token}, realm="x"`,
    'two values in one header': `Bearer ${token}, Bearer ${token}`,
    'a quoted token': `Bearer "${token}"`,
    'a comma instead of the token': 'Bearer,',
    'padding within': `Bearer ${token.replace('.', '=.')}`,
    'a letter that is not ASCII': `Bearer ${token.slice(0, -1)}é`
  }
  for (const [what, header] of Object.entries(wrong)) await assertRefused(t, fastify, header, INVALID_REQUEST, what)
})

t.test('B05: two Authorization headers: 400 invalid_request, be they equal or not', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  const url = new URL(await fastify.listen({ host: '127.0.0.1', port: 0 }))
  for (const second of [`Bearer ${token}`, 'Bearer other', 'Basic YTpi']) {
    const lines = [`Authorization: Bearer ${token}`, `aUTHORIZATION: ${second}`]
    const answer = await rawRequest(url, lines)
    t.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/, second.slice(0, 8))
    t.ok(answer.includes(`www-authenticate: ${CHALLENGE.request}\r\n`), second.slice(0, 8))
    t.ok(answer.endsWith('{"error":"invalid_request","error_description":"The Authorization header is malformed."}'))
  }
  t.match(await rawRequest(url, [`Authorization: Bearer ${token}`]), /^HTTP\/1\.1 200 OK\r\n/, 'one header')
})

t.test('B06: a token in the query, or in a form, is not looked at', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  fastify.post('/orders', { onRequest: fastify.oauth.require() }, async () => 'posted')
  const form = { 'content-type': 'application/json' }
  const refused = [
    await fastify.inject({ url: `/orders?access_token=${token}` }),
    await fastify.inject({ method: 'POST', url: '/orders', headers: form, payload: { access_token: token } })
  ]
  for (const response of refused) {
    t.equal(response.statusCode, 401)
    t.equal(response.headers['www-authenticate'], CHALLENGE.missing)
  }
  const both = { url: '/orders?access_token=forged', headers: { authorization: `Bearer ${token}` } }
  t.equal((await fastify.inject(both)).statusCode, 200, 'beside a header it does nothing')
})

t.test('B08: 403 insufficient_scope names the scope that is needed, all of it', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  fastify.get('/both', { onRequest: fastify.oauth.require('orders:read', 'orders:write') }, async () => 'both')
  const { result: response, added } = await validationsDuring(fastify, () =>
    fastify.inject({ url: '/both', headers: { authorization: `Bearer ${token}` } })
  )
  t.equal(response.statusCode, 403)
  t.equal(
    response.headers['www-authenticate'],
    CHALLENGE.scope.replace('scope="orders:read"', 'scope="orders:read orders:write"')
  )
  t.strictSame(response.json(), {
    error: 'insufficient_scope',
    error_description: 'The access token does not have the required scope.'
  })
  t.strictSame(added, { [validatedSample('insufficient_scope', 'mobile')]: 1 })
})

t.test('B09: whatever bytes the header has, the answer is 400 or 401 with a challenge', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  const url = new URL(await fastify.listen({ host: '127.0.0.1', port: 0 }))
  for (let byte = 0x20; byte <= 0xff; byte += 1) {
    if (byte === 0x7f) continue // Node's parser refuses DEL by itself.
    const character = String.fromCharCode(byte)
    const answer = await rawRequest(url, [`Authorization: Bearer ${character}a${character}.${character}.${character}`])
    const status = /^HTTP\/1\.1 (400|401) /.exec(answer)?.[1]
    const challenge = status === '400' ? CHALLENGE.request : CHALLENGE.token
    if (!answer.includes(`www-authenticate: ${challenge}\r\n`)) t.fail(`byte ${byte}: ${answer.slice(0, 200)}`)
  }
  t.pass('every byte a header may have')
})

t.test('B12: the realm is the configured one', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)], { realm: 'Orders, of all kinds' })
  t.equal((await call(fastify)).headers['www-authenticate'], 'Bearer realm="Orders, of all kinds"')
  const { headers } = await call(fastify, 'Bearer forged')
  t.equal(headers['www-authenticate'], CHALLENGE.token.replace('realm="oauth"', 'realm="Orders, of all kinds"'))
})

/** A request whose headers are exactly these lines, and its answer. */
async function rawRequest(url: URL, lines: readonly string[]): Promise<string> {
  const socket = connect(Number(url.port), url.hostname)
  await once(socket, 'connect')
  socket.write(['GET /orders HTTP/1.1', 'Host: x', 'Connection: close', ...lines, '', ''].join('\r\n'), 'latin1')
  return text(socket)
}

t.test(
  'B13: a token of ours for another resource server is none for this one, unless it is that one too',
  async (t) => {
    const audience = [AUDIENCE, 'https://billing.example']
    const issueFor = async (options: Partial<OAuthTelemetryOptions>) => {
      const fastify = await buildServer(t, { audience, ...options })
      const { access_token } = await fastify.oauth.issue({ clientId: 'reports', audience: 'https://billing.example' })
      return { fastify, token: access_token }
    }
    const first = await issueFor({})
    for (const time of ['first', 'remembered']) {
      await assertInvalidToken(t, first.fastify, first.token, 'wrong_audience', time, 'reports')
    }
    const both = await issueFor({ resource: audience })
    t.equal((await callOrders(both.fastify, both.token)).statusCode, 200)
    const second = await issueFor({ resource: 'https://billing.example' })
    t.equal((await callOrders(second.fastify, second.token)).statusCode, 200)
    const { access_token } = await second.fastify.oauth.issue({ clientId: 'reports' })
    await assertInvalidToken(t, second.fastify, access_token, 'wrong_audience', 'the other way round', 'reports')
  }
)

t.test('require that is not called says so', async (t) => {
  const fastify = await buildServer(t)
  fastify.get('/mistaken', { onRequest: fastify.oauth.require as unknown as RequireHook }, async () => ({}))
  const { statusCode, body } = await fastify.inject('/mistaken')
  t.equal(statusCode, 500)
  t.match(body, 'oauth.require makes the hook: write oauth.require()')
  t.throws(() => fastify.oauth.require(JSON.parse('7')), /"7" is not a scope token/)
})
