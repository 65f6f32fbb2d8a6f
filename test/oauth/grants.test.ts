import t from 'tap'
import { type GrantHandler, type GrantRequest, OAuthError } from '../../lib/index.ts'
import { scrape } from '../support/metrics.ts'
import { basic, buildServer, callOrders, OPTIONS, postForm, refresh } from '../support/server.ts'

const LOGIN = 'urn:example:login'
const CLIENTS = [
  ...OPTIONS.clients,
  { id: 'app', secret: 'app-secret', grants: [LOGIN, 'refresh_token'], scope: ['orders:read', 'orders:write'] },
  { id: 'kiosk', grants: [LOGIN], scope: ['orders:read'] }
]

async function serverWith(t: Parameters<typeof buildServer>[0], handler: GrantHandler) {
  const fastify = await buildServer(t, { clients: CLIENTS, grants: { [LOGIN]: handler } })
  const login = (form: Record<string, string> = {}) =>
    postForm(fastify, '/oauth/token', { grant_type: LOGIN, ...form }, { authorization: basic('app', 'app-secret') })
  return { fastify, login }
}

const failure = {
  error: 'server_error',
  error_description: 'The server could not complete the request.'
}

t.test('an extra grant is told the client and the form, and its decision is issued', async (t) => {
  const told: GrantRequest[] = []
  const { fastify, login } = await serverWith(t, async (request) => {
    told.push(request)
    return { subject: 'alice', scope: ['orders:read', 'admin'], refreshable: true, claims: { tenant: 't1' } }
  })
  const response = await login({ assertion: 'signed', empty: '' })
  t.equal(response.statusCode, 200)
  t.equal(response.json().scope, 'orders:read admin', 'the handler may give more than the client has')
  t.equal(told[0]?.client.id, 'app')
  t.same(
    [...(told[0]?.form ?? [])],
    [
      ['grant_type', LOGIN],
      ['assertion', 'signed']
    ]
  )
  const { claims } = await fastify.oauth.validate(response.json().access_token)
  t.match(claims, { sub: 'alice', client_id: 'app', tenant: 't1', scope: 'orders:read admin' })
  t.same((await callOrders(fastify, response.json().access_token)).json(), { sub: 'alice' })

  const again = await postForm(
    fastify,
    '/oauth/token',
    { grant_type: 'refresh_token', refresh_token: response.json().refresh_token },
    { authorization: basic('app', 'app-secret') }
  )
  t.equal(again.json().scope, 'orders:read admin')
})

t.test('the scope parameter narrows what the handler decided, and cannot widen it', async (t) => {
  const { login } = await serverWith(t, async () => ({ subject: 'alice', scope: ['orders:read', 'admin'] }))
  t.equal((await login({ scope: 'admin' })).json().scope, 'admin')
  t.equal((await login({ scope: 'orders:write' })).json().error, 'invalid_scope')
})

t.test('a decision without parts takes the defaults: the client itself, its scope, no refresh token', async (t) => {
  const { fastify, login } = await serverWith(t, async () => ({}))
  const response = (await login()).json()
  t.notOk('refresh_token' in response)
  t.equal(response.scope, 'orders:read orders:write')
  t.equal((await fastify.oauth.validate(response.access_token)).claims.sub, 'app')
})

t.test('a public client may use an extra grant', async (t) => {
  const { fastify } = await serverWith(t, async () => ({ subject: 'alice' }))
  const response = await postForm(fastify, '/oauth/token', { grant_type: LOGIN, client_id: 'kiosk' })
  t.equal(response.json().scope, 'orders:read')
})

t.test('a client may use only the grants it has', async (t) => {
  const { fastify } = await serverWith(t, async () => ({ subject: 'alice' }))
  const response = await postForm(fastify, '/oauth/token', { grant_type: LOGIN, client_id: 'web' })
  t.equal(response.json().error, 'unauthorized_client')
})

t.test('an OAuthError of the handler is the answer', async (t) => {
  const { login } = await serverWith(t, async () => {
    throw new OAuthError('invalid_grant', 'The assertion is not valid.')
  })
  const response = await login()
  t.equal(response.statusCode, 400)
  t.same(response.json(), { error: 'invalid_grant', error_description: 'The assertion is not valid.' })
})

t.test('an OAuthError with its own status and Retry-After keeps both', async (t) => {
  const { login } = await serverWith(t, async () => {
    throw new OAuthError('temporarily_unavailable', 'The directory is down.', { retryAfter: 30 })
  })
  const response = await login()
  t.equal(response.statusCode, 503)
  t.equal(response.headers['retry-after'], '30')
})

t.test('whatever else the handler throws is a failure of ours that tells nothing', async (t) => {
  const handlers: Record<string, GrantHandler> = {
    rejects: async () => {
      throw new Error('password of the directory is hunter2')
    },
    throws: () => {
      throw new Error('password of the directory is hunter2')
    },
    'decides nothing': (async () => undefined) as unknown as GrantHandler,
    'decides null': async () => JSON.parse('null'),
    'gives an empty subject': async () => ({ subject: '' }),
    'gives a number as subject': async () => JSON.parse('{"subject":42}'),
    'gives null as subject': async () => JSON.parse('{"subject":null}'),
    'wants a refresh token for nobody': async () => ({ refreshable: true }),
    'has lost its subject': (async () => ({ subject: undefined })) as unknown as GrantHandler,
    'has misspelt its subject': (async () => ({ subjct: 'alice' })) as unknown as GrantHandler,
    'gives a scope that is no array': async () => JSON.parse('{"subject":"alice","scope":"orders:read"}'),
    'gives two scope tokens in one': async () => ({ subject: 'alice', scope: ['orders:read orders:write'] }),
    'gives claims that no guard reads': async () => ({ subject: 'alice', claims: { nbf: 'never' } })
  }
  for (const [what, handler] of Object.entries(handlers)) {
    const { login } = await serverWith(t, handler)
    const response = await login()
    t.equal(response.statusCode, 500, what)
    t.same(response.json(), failure, what)
    t.equal(response.headers['cache-control'], 'no-store', what)
  }
})

t.test('a client that may not refresh gets no refresh token: asking for one is the handler’s mistake', async (t) => {
  const { fastify } = await serverWith(t, async () => ({ subject: 'alice', refreshable: true }))
  const response = await postForm(fastify, '/oauth/token', { grant_type: LOGIN, client_id: 'kiosk' })
  t.equal(response.statusCode, 500)
  t.same(response.json(), failure)
})

t.test('T40: a grant cannot give a subject that is the id of a client', async (t) => {
  const { fastify, login } = await serverWith(t, async ({ form }) => ({ subject: form.get('username') ?? 'alice' }))
  const response = await login({ username: 'reports' })
  t.equal(response.statusCode, 400)
  t.same(response.json(), {
    error: 'invalid_request',
    error_description: 'The subject is the identifier of a client.'
  })
  t.equal((await login({ username: 'report' })).statusCode, 200)
  await t.rejects(fastify.oauth.issue({ clientId: 'web', subject: 'web' }), { code: 'invalid_request' })
})

t.test('T40: extra claims replace none of those that RFC 9068 gives a meaning', async (t) => {
  const forged = {
    iss: 'https://evil.example',
    sub: 'admin',
    aud: 'https://evil.example',
    client_id: 'reports',
    scope: 'admin',
    jti: 'chosen',
    iat: 1,
    exp: 9_999_999_999
  }
  const { fastify, login } = await serverWith(t, async () => ({ subject: 'alice', scope: [], claims: forged }))
  const { access_token: token } = (await login()).json()
  const { claims, scope } = await fastify.oauth.validate(token)
  t.match(claims, { iss: OPTIONS.issuer, sub: 'alice', aud: OPTIONS.audience, client_id: 'app' })
  for (const name of ['jti', 'iat', 'exp', 'scope'] as const) t.not(claims[name], forged[name], name)
  t.same(scope, [])
})

t.test('a refresh token of an extra grant is not for another client', async (t) => {
  const { fastify, login } = await serverWith(t, async () => ({ subject: 'alice', refreshable: true }))
  const { refresh_token: token } = (await login()).json()
  t.equal((await refresh(fastify, token)).json().error, 'invalid_grant')
})

t.test('claims cannot replace the registered ones, not even by toJSON', async (t) => {
  const { fastify, login } = await serverWith(t, async () => ({
    subject: 'alice',
    claims: { sub: 'bob', toJSON: () => ({ sub: 'eve', tenant: 't1' }) }
  }))
  const { claims } = await fastify.oauth.validate((await login()).json().access_token)
  t.match(claims, { sub: 'alice', tenant: 't1' })
})

t.test(
  'a refusal counts for the client that asked, whoever the token that was validated for it belongs to',
  async (t) => {
    const { fastify } = await serverWith(t, async ({ form }) => {
      await server.fastify.oauth.validate(form.get('subject_token') ?? '', 'admin')
      return {}
    })
    const server = { fastify }
    const { access_token } = await fastify.oauth.issue({ clientId: 'web', subject: 'alice' })
    const form = { grant_type: LOGIN, subject_token: access_token }
    await postForm(fastify, '/oauth/token', form, { authorization: basic('app', 'app-secret') })
    await postForm(fastify, '/oauth/token', { ...form, client_id: 'kiosk' })
    const refused = (client: string) =>
      `oauth2_token_refused_total{error_type="insufficient_scope",oauth2_client_id="${client}",oauth2_grant_type="${LOGIN}"}`
    const samples = await scrape(fastify)
    t.equal(samples.get(refused('app')), 1)
    t.equal(samples.get(refused('unknown')), 1, 'a public client has proven nothing')
    t.notOk(samples.has(refused('web')))
  }
)
