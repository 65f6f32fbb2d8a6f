import type { LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { basic, buildServer, OPTIONS, postForm } from '../support/server.ts'

const TOKEN = '/oauth/token'
const GRANT = { grant_type: 'client_credentials' }

const invalidClient = {
  statusCode: 401,
  challenge: 'Basic realm="oauth"',
  body: { error: 'invalid_client', error_description: 'Client authentication failed.' }
}

function answer({ statusCode, headers, body }: LightMyRequestResponse) {
  return { statusCode, challenge: headers['www-authenticate'], body: JSON.parse(body) }
}

const invalidRequest = (description: string) => ({
  statusCode: 400,
  challenge: undefined,
  body: { error: 'invalid_request', error_description: description }
})

/** An Authorization header of the pair as it stands, without form-urlencoding its halves. */
const rawBasic = (pair: string) => `Basic ${Buffer.from(pair, 'latin1').toString('base64')}`

t.test('T11: client_secret_basic form-urldecodes both halves', async (t) => {
  const id = 'service +:%25/1'
  const secret = 'pass word:+%25é☃'
  const fastify = await buildServer(t, { clients: [{ id, secret, grants: ['client_credentials'] }] })
  const post = (authorization: string) => postForm(fastify, TOKEN, GRANT, { authorization })
  t.equal((await post(basic(id, secret))).statusCode, 200)
  t.equal((await post(basic(id, secret).replace('Basic ', 'bAsIc   '))).statusCode, 200, 'the scheme in any case')
  t.same(answer(await post(rawBasic(`${id}:${secret}`))), invalidClient, 'not encoded')
  t.same(answer(await post(rawBasic('service:%zz'))), invalidClient, 'not decodable')
})

t.test('T12: client_secret_post is supported', async (t) => {
  const fastify = await buildServer(t)
  const form = { ...GRANT, client_id: 'reports', client_secret: 'reports-secret' }
  t.equal((await postForm(fastify, TOKEN, form)).statusCode, 200)
})

t.test('T13: two authentication methods at once are invalid_request', async (t) => {
  const fastify = await buildServer(t)
  const authorization = basic('reports', 'reports-secret')
  const form = { ...GRANT, client_id: 'reports', client_secret: 'reports-secret' }
  t.same(
    answer(await postForm(fastify, TOKEN, form, { authorization })),
    invalidRequest('Only one client authentication method may be used.')
  )
  t.same(
    answer(await postForm(fastify, TOKEN, GRANT, { authorization: [authorization, authorization] })),
    invalidRequest('The Authorization header appears more than once.')
  )
})

t.test('T14: a client_id in the body that differs from the one of Basic is invalid_request', async (t) => {
  const fastify = await buildServer(t)
  const authorization = basic('reports', 'reports-secret')
  const post = (id: string) => postForm(fastify, TOKEN, { ...GRANT, client_id: id }, { authorization })
  t.same(answer(await post('web')), invalidRequest('The client_id differs from the authenticated client.'))
  t.equal((await post('reports')).statusCode, 200, 'the same one is fine')
})

t.test('T15: credentials in the query are not read', async (t) => {
  const fastify = await buildServer(t)
  const url = `${TOKEN}?client_id=reports&client_secret=reports-secret&grant_type=client_credentials`
  t.same(answer(await postForm(fastify, url, GRANT)), invalidClient)
  t.same(
    answer(await postForm(fastify, url, '', { authorization: basic('reports', 'reports-secret') })),
    invalidRequest('The grant_type parameter is missing.')
  )
})

t.test('T16: bad Basic credentials are invalid_client with a Basic challenge', async (t) => {
  const fastify = await buildServer(t, { realm: 'tokens of example' })
  const response = await postForm(fastify, TOKEN, GRANT, { authorization: basic('reports', 'wrong') })
  t.same(answer(response), { ...invalidClient, challenge: 'Basic realm="tokens of example"' })
})

t.test('T17: bad credentials in the body are invalid_client', async (t) => {
  const fastify = await buildServer(t)
  const post = (form: Record<string, string>) => postForm(fastify, TOKEN, { ...GRANT, ...form })
  t.same(answer(await post({ client_id: 'reports', client_secret: 'wrong' })), invalidClient)
  t.same(answer(await post({ client_id: 'reports' })), invalidClient, 'a confidential client without its secret')
  t.same(answer(await post({ client_id: 'web', client_secret: 'any' })), invalidClient, 'a public client with a secret')
  t.same(answer(await post({ client_secret: 'reports-secret' })), invalidClient, 'a secret without a client')
  t.same(answer(await post({})), invalidClient, 'nothing')
})

t.test('T18: an unknown client and a wrong secret are answered alike, by every method and endpoint', async (t) => {
  const fastify = await buildServer(t)
  const seen = ({ statusCode, headers: { date: _, ...headers }, body }: LightMyRequestResponse) => ({
    statusCode,
    headers,
    body
  })
  for (const url of [TOKEN, '/oauth/revoke', '/oauth/introspect']) {
    const byBasic = (id: string) =>
      postForm(fastify, url, { ...GRANT, token: 'x' }, { authorization: basic(id, 'wrong') })
    const byPost = (id: string) =>
      postForm(fastify, url, { ...GRANT, token: 'x', client_id: id, client_secret: 'wrong' })
    const wrongSecret = seen(await byBasic('reports'))
    t.equal(wrongSecret.statusCode, 401)
    t.equal(wrongSecret.headers['www-authenticate'], 'Basic realm="oauth"')
    t.equal(wrongSecret.body, JSON.stringify(invalidClient.body))
    t.same(seen(await byBasic('stranger')), wrongSecret)
    t.same(seen(await byPost('reports')), wrongSecret)
    t.same(seen(await byPost('stranger')), wrongSecret)
    t.same(seen(await byPost('x'.repeat(5000))), wrongSecret, 'an id that no client can have')
    t.same(seen(await byPost('é')), wrongSecret, 'an id that no client can have')
  }
})

t.test('T19: malformed Basic credentials are invalid_client', async (t) => {
  const fastify = await buildServer(t)
  const headers = {
    empty: '',
    'the scheme alone': 'Basic',
    'the scheme and a space': 'Basic ',
    'bad base64': 'Basic !!!!',
    base64url: 'Basic cmVwb3J0czpy_-__',
    'two values': 'Basic cmVwb3J0czpyZXBvcnRzLXNlY3JldA== x',
    'no colon': rawBasic('reports'),
    'no client id': rawBasic(':reports-secret'),
    'no secret': rawBasic('reports:'),
    'a NUL': rawBasic('reports\0:reports-secret'),
    'a line break': rawBasic('reports:reports-secret\r\n'),
    'a byte above ASCII': rawBasic('réports:x'),
    'a truncated escape': rawBasic('reports:%e'),
    'bad UTF-8': rawBasic('reports:%ff%ff'),
    'a NUL, escaped': rawBasic('reports%00:reports-secret'),
    Bearer: 'Bearer abc',
    'another scheme': 'Digest username="reports"',
    'something long': `Basic ${'A'.repeat(8000)}`
  }
  for (const [what, authorization] of Object.entries(headers)) {
    t.same(answer(await postForm(fastify, TOKEN, GRANT, { authorization })), invalidClient, what)
  }
})

t.test('T29: a confidential client must authenticate to refresh', async (t) => {
  const fastify = await buildServer(t)
  const { refresh_token: token = '' } = await fastify.oauth.issue({
    clientId: 'backend',
    subject: 'alice',
    refreshable: true
  })
  const form = { grant_type: 'refresh_token', refresh_token: token }
  const wrong = { authorization: basic('backend', 'wrong') }
  t.same(answer(await postForm(fastify, TOKEN, { ...form, client_id: 'backend' })), invalidClient)
  t.same(answer(await postForm(fastify, TOKEN, form, wrong)), invalidClient)
  t.same(answer(await postForm(fastify, TOKEN, form)), invalidClient)
  const right = await postForm(fastify, TOKEN, form, { authorization: basic('backend', 'backend-secret') })
  t.equal(right.statusCode, 200, 'and what was refused has spent nothing')
})

t.test('every live secret of a client authenticates it, and so does the secret of a digest', async (t) => {
  const clients = [
    { id: 'several', secret: ['first-secret', 'second-secret'], grants: ['client_credentials'] },
    // printf third-secret | openssl dgst -sha256 -binary | basenc --base64url, without its padding
    {
      id: 'digested',
      secret: 'own-secret',
      secretDigest: ['sEQAgeW3Q4rOwJfYlEs80X2IgyX5sQJHYRmnmh4U_Hg'],
      grants: ['client_credentials']
    }
  ]
  const fastify = await buildServer(t, { clients: [...OPTIONS.clients, ...clients] })
  const status = async (id: string, secret: string) =>
    (await postForm(fastify, TOKEN, GRANT, { authorization: basic(id, secret) })).statusCode
  t.equal(await status('several', 'first-secret'), 200)
  t.equal(await status('several', 'second-secret'), 200)
  t.equal(await status('several', 'third-secret'), 401)
  t.equal(await status('digested', 'third-secret'), 200)
  t.equal(await status('digested', 'own-secret'), 200)
  t.equal(await status('digested', 'sEQAgeW3Q4rOwJfYlEs80X2IgyX5sQJHYRmnmh4U_Hg'), 401, 'a digest is no secret')
})
