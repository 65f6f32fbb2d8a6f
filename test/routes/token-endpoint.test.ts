import Fastify, { type LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { request } from 'undici'
import oauthTelemetry from '../../lib/index.ts'
import { samplesOf, scrape } from '../support/metrics.ts'
import { basic, buildServer, OPTIONS, postForm } from '../support/server.ts'

const TOKEN = '/oauth/token'
const AUTHORIZATION = { authorization: basic('reports', 'reports-secret') }

function refusal({ statusCode, body }: LightMyRequestResponse) {
  return { statusCode, ...JSON.parse(body) }
}

const malformed = {
  statusCode: 400,
  error: 'invalid_request',
  error_description: 'The request body is not a well-formed form.'
}
const repeated = {
  statusCode: 400,
  error: 'invalid_request',
  error_description: 'A parameter appears more than once.'
}

t.test('T01: only POST reaches the token endpoint', async (t) => {
  const fastify = await buildServer(t)
  for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'HEAD'] as const) {
    const response = await fastify.inject({
      method,
      url: `${TOKEN}?grant_type=client_credentials`,
      headers: { ...AUTHORIZATION, 'content-type': 'application/x-www-form-urlencoded' },
      ...(method === 'PUT' ? { payload: 'grant_type=client_credentials' } : {})
    })
    t.equal(response.statusCode, 405, method)
    t.equal(response.headers.allow, 'POST')
    if (method !== 'HEAD') {
      t.same(response.json(), { error: 'invalid_request', error_description: 'The method must be POST.' })
    }
  }
  const options = await fastify.inject({ method: 'OPTIONS', url: TOKEN })
  t.equal(options.statusCode, 404, 'which a CORS plugin answers, where there is one')
})

t.test('A12: what a client puts into the query of another method is in no answer and no log', async (t) => {
  const lines: string[] = []
  const fastify = Fastify({ logger: { level: 'trace', stream: { write: (line) => lines.push(line) } } })
  t.teardown(() => fastify.close())
  await fastify.register(oauthTelemetry, OPTIONS)
  for (const url of [TOKEN, '/oauth/revoke', '/oauth/introspect']) {
    const { statusCode, body } = await fastify.inject(`${url}?client_secret=CANARY`)
    t.equal(statusCode, 405)
    t.notMatch(body, 'CANARY')
  }
  t.equal(lines.filter((line) => line.includes('request completed')).length, 3)
  t.notMatch(lines.join(''), 'CANARY')
})

t.test('T02: only application/x-www-form-urlencoded is read; anything else is invalid_request', async (t) => {
  const fastify = await buildServer(t)
  const post = (headers: Record<string, string>, payload: string) =>
    fastify.inject({ method: 'POST', url: TOKEN, headers: { ...AUTHORIZATION, ...headers }, payload })
  const bodies = {
    'application/json': '{"grant_type":"client_credentials"}',
    'text/plain': 'grant_type=client_credentials',
    'multipart/form-data; boundary=x': '--x\r\ncontent-disposition: form-data; name="grant_type"\r\n\r\nx\r\n--x--',
    'application/x-www-form-urlencodedly': 'grant_type=client_credentials',
    nonsense: 'grant_type=client_credentials',
    '': 'grant_type=client_credentials'
  }
  for (const [type, body] of Object.entries(bodies)) {
    const response = await post({ 'content-type': type }, body)
    t.match(refusal(response), { statusCode: 400, error: 'invalid_request' }, type)
    t.equal(response.headers['content-type'], 'application/json; charset=utf-8', type)
  }
  t.match(refusal(await post({}, 'grant_type=client_credentials')), { statusCode: 400, error: 'invalid_request' })
  t.match(refusal(await post({}, '')), { statusCode: 400, error: 'invalid_request' }, 'no body at all')
  for (const type of ['application/x-www-form-urlencoded; charset=UTF-8', 'APPLICATION/X-WWW-Form-Urlencoded']) {
    t.equal((await post({ 'content-type': type }, 'grant_type=client_credentials')).statusCode, 200, type)
  }
})

t.test('T03: unknown parameters are ignored', async (t) => {
  const fastify = await buildServer(t)
  const form = 'nonce=1&grant_type=client_credentials&foo=bar&&response_type=code&'
  t.equal((await postForm(fastify, TOKEN, form, AUTHORIZATION)).statusCode, 200)
})

t.test('T04: a parameter with an empty value counts as absent', async (t) => {
  const fastify = await buildServer(t)
  const form = 'grant_type=client_credentials&scope=&resource=&client_id=&client_secret&='
  const response = await postForm(fastify, TOKEN, form, AUTHORIZATION)
  t.match(response.json(), { scope: 'orders:read orders:write' })
  t.match(refusal(await postForm(fastify, TOKEN, 'grant_type=', AUTHORIZATION)), {
    error_description: 'The grant_type parameter is missing.'
  })
})

t.test('T05: a repeated parameter is invalid_request, whichever it is but resource', async (t) => {
  const fastify = await buildServer(t)
  const names = ['grant_type', 'scope', 'client_id', 'client_secret', 'refresh_token', 'code', '__proto__']
  for (const name of names) {
    const response = await postForm(fastify, TOKEN, `${name}=a&foo=b&${name}=a`, AUTHORIZATION)
    t.same(refusal(response), repeated, name)
  }
  t.same(refusal(await postForm(fastify, TOKEN, 'scope=a&sc%6Fpe=a', AUTHORIZATION)), repeated, 'written differently')
  t.same(refusal(await postForm(fastify, TOKEN, 'scope=&scope=a', AUTHORIZATION)), repeated, 'once empty')
})

t.test('T39: several resources are legal, but a token is for one: invalid_target', async (t) => {
  const fastify = await buildServer(t, { audience: ['https://a.example', 'https://b.example'] })
  const form = 'grant_type=client_credentials&resource=https://a.example&resource=https://b.example'
  t.same(refusal(await postForm(fastify, TOKEN, form, AUTHORIZATION)), {
    statusCode: 400,
    error: 'invalid_target',
    error_description: 'Only one resource may be requested.'
  })
})

t.test('T06: a missing grant_type is invalid_request', async (t) => {
  const fastify = await buildServer(t)
  t.same(refusal(await postForm(fastify, TOKEN, 'scope=orders:read', AUTHORIZATION)), {
    statusCode: 400,
    error: 'invalid_request',
    error_description: 'The grant_type parameter is missing.'
  })
})

t.test('T07: an unknown grant_type is unsupported_grant_type', async (t) => {
  const fastify = await buildServer(t)
  for (const grant of ['magic', 'CLIENT_CREDENTIALS', 'client_credentials ', '__proto__', 'constructor', 'toString']) {
    t.same(
      refusal(await postForm(fastify, TOKEN, { grant_type: grant }, AUTHORIZATION)),
      {
        statusCode: 400,
        error: 'unsupported_grant_type',
        error_description: 'The grant type is not supported.'
      },
      grant
    )
  }
})

t.test('T08: a grant the client may not use is unauthorized_client', async (t) => {
  const fastify = await buildServer(t)
  for (const [id, secret, grant] of [
    ['backend', 'backend-secret', 'client_credentials'],
    ['reports', 'reports-secret', 'refresh_token']
  ] as const) {
    const form = { grant_type: grant, refresh_token: 'x' }
    t.same(refusal(await postForm(fastify, TOKEN, form, { authorization: basic(id, secret) })), {
      statusCode: 400,
      error: 'unauthorized_client',
      error_description: 'The client may not use this grant type.'
    })
  }
})

t.test('T09: the password grant does not exist', async (t) => {
  const fastify = await buildServer(t)
  const form = { grant_type: 'password', username: 'alice', password: 'wonderland' }
  t.match(refusal(await postForm(fastify, TOKEN, form, AUTHORIZATION)), {
    statusCode: 400,
    error: 'unsupported_grant_type'
  })
})

t.test('T23: errors are of the registry, in the allowed characters, and echo nothing', async (t) => {
  const fastify = await buildServer(t)
  const canary = 'canary-"\\☃\r\n<script>'
  const refusals = [
    await postForm(fastify, TOKEN, { grant_type: canary }, AUTHORIZATION),
    await postForm(fastify, TOKEN, { grant_type: 'client_credentials', scope: canary }, AUTHORIZATION),
    await postForm(fastify, TOKEN, { grant_type: 'client_credentials', resource: canary }, AUTHORIZATION),
    await postForm(fastify, TOKEN, { client_id: canary, client_secret: canary }),
    await postForm(fastify, TOKEN, { client_id: 'web', grant_type: 'refresh_token', refresh_token: canary }),
    await postForm(fastify, TOKEN, { [canary]: '1' }, AUTHORIZATION),
    await postForm(fastify, TOKEN, `canary=%zz`, AUTHORIZATION),
    await postForm(fastify, '/oauth/revoke', { token: canary, client_id: canary }),
    await postForm(fastify, '/oauth/introspect', { token_type_hint: canary }, AUTHORIZATION)
  ]
  const registry = /^(invalid_(request|client|grant|scope|target)|unauthorized_client|unsupported_grant_type)$/
  for (const response of refusals) {
    const { error, error_description: description, ...rest } = response.json()
    t.match(error, registry)
    t.match(description, /^[\x20\x21\x23-\x5B\x5D-\x7E]+$/)
    t.same(rest, {})
    t.notMatch(JSON.stringify([response.headers, response.body]), 'canary')
  }
})

t.test('T43: a body over the limit is 413 in the form of an OAuth error', async (t) => {
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  await fastify.register(oauthTelemetry, OPTIONS)
  const url = await fastify.listen({ port: 0, host: '127.0.0.1' })
  const post = (bytes: number, endpoint = TOKEN) => {
    const form = 'grant_type=client_credentials&x='
    return request(`${url}${endpoint}`, {
      method: 'POST',
      headers: { ...AUTHORIZATION, 'content-type': 'application/x-www-form-urlencoded' },
      body: form + 'x'.repeat(bytes - form.length)
    })
  }
  const fits = await post(16_384)
  t.equal(fits.statusCode, 200)
  await fits.body.dump()
  for (const endpoint of [TOKEN, '/oauth/revoke', '/oauth/introspect']) {
    const { statusCode, headers, body } = await post(16_385, endpoint)
    t.equal(statusCode, 413)
    t.equal(headers['cache-control'], 'no-store')
    t.same(await body.json(), { error: 'invalid_request', error_description: 'The request body is too large.' })
  }
  const labels = 'error_type="invalid_request",oauth2_client_id="unknown",oauth2_grant_type="_OTHER"'
  t.equal((await scrape(fastify)).get(`oauth2_token_refused_total{${labels}}`), 1, 'a refusal like any other')
})

t.test(
  'what a hook of the application refuses is a refusal of the token endpoint too, and is answered as it says',
  async (t) => {
    const fastify = Fastify()
    t.teardown(() => fastify.close())
    let statusCode: unknown = 429
    fastify.addHook('onRequest', async ({ url }) => {
      if (url === TOKEN) throw Object.assign(new Error('slow down'), { statusCode })
    })
    await fastify.register(oauthTelemetry, OPTIONS)
    const response = await postForm(fastify, TOKEN, { grant_type: 'client_credentials' }, AUTHORIZATION)
    t.equal(response.statusCode, 429)
    t.same(response.json(), { error: 'invalid_request', error_description: 'The request is malformed.' })
    const labels = 'error_type="invalid_request",oauth2_client_id="unknown",oauth2_grant_type="_OTHER"'
    t.equal((await scrape(fastify)).get(`oauth2_token_refused_total{${labels}}`), 1)
    for (const [odd, status] of [
      ['429', 429],
      [404.5, 404],
      ['none', 500]
    ] as const) {
      statusCode = odd
      t.equal((await postForm(fastify, TOKEN, {}, AUTHORIZATION)).statusCode, status)
    }
  }
)

t.test(
  'a hook that refuses tells nothing of whose token it looked at, and a wrong method is a refusal too',
  async (t) => {
    const fastify = Fastify()
    t.teardown(() => fastify.close())
    fastify.addHook('onRequest', async ({ url, method }) => {
      if (url === TOKEN && method === 'POST') await fastify.oauth.validate(token, 'admin')
    })
    await fastify.register(oauthTelemetry, OPTIONS)
    const { access_token: token } = await fastify.oauth.issue({ clientId: 'web', subject: 'alice' })
    t.equal((await postForm(fastify, TOKEN, { grant_type: 'client_credentials' }, AUTHORIZATION)).statusCode, 403)
    t.equal((await fastify.inject(TOKEN)).statusCode, 405)
    const refused = samplesOf(await scrape(fastify), 'oauth2_token_refused_total')
    t.strictSame(refused, {
      '{error_type="insufficient_scope",oauth2_client_id="unknown",oauth2_grant_type="_OTHER"}': 1,
      '{error_type="invalid_request",oauth2_client_id="unknown",oauth2_grant_type="_OTHER"}': 1
    })
  }
)

t.test('A6: a form that is not well-formed is invalid_request', async (t) => {
  const fastify = await buildServer(t)
  const bodies = ['grant_type=%zz', '%zz=1', 'a=%', 'a=%E0%A4', 'a=%ff', 'grant_type=café', 'a=b c', 'a=b\n', '☃']
  for (const body of bodies) t.same(refusal(await postForm(fastify, TOKEN, body, AUTHORIZATION)), malformed, body)
})

t.test('A15: __proto__ and constructor are parameters like any other, and pollute nothing', async (t) => {
  const fastify = await buildServer(t)
  const form = '__proto__=polluted&constructor=x&constructor.prototype=y&__proto__[x]=z&grant_type=client_credentials'
  t.equal((await postForm(fastify, TOKEN, form, AUTHORIZATION)).statusCode, 200)
  t.equal(Reflect.get({}, 'x'), undefined)
  t.equal(Object.getPrototypeOf({}), Object.prototype)
})
