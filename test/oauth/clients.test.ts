import { createHash } from 'node:crypto'
import Fastify from 'fastify'
import t from 'tap'
import oauthTelemetry, { type Client } from '../../lib/index.ts'
import { basic, buildServer, OPTIONS, postForm, withOptions } from '../support/server.ts'

const TOKEN = '/oauth/token'
const GRANT = { grant_type: 'client_credentials' }
const CLIENT: Client = { id: 'looked-up', secret: 'its-secret', grants: ['client_credentials'], scope: ['a', 'b'] }

const outage = {
  error: 'temporarily_unavailable',
  error_description: 'The service is temporarily unavailable.'
}

t.test('clients can be looked up by a function, one by one', async (t) => {
  const asked: string[] = []
  const clients = async (id: string) => {
    asked.push(id)
    return id === CLIENT.id ? CLIENT : undefined
  }
  const fastify = await buildServer(t, { clients })
  const post = (id: string) => postForm(fastify, TOKEN, GRANT, { authorization: basic(id, 'its-secret') })
  t.match((await post('looked-up')).json(), { scope: 'a b' })
  t.equal((await post('stranger')).statusCode, 401)
  t.same(asked, ['looked-up', 'stranger'])
  t.equal((await post('\u0007')).statusCode, 401)
  t.equal((await post('x'.repeat(257))).statusCode, 401)
  t.equal(asked.length, 2, 'it is not asked for ids that no client can have')
  await fastify.oauth.issue({ clientId: 'looked-up', subject: 'Zoë' })
  t.same(asked.slice(2), ['looked-up'], 'nor for subjects that no client can be')
})

t.test('a look-up that finds another client finds none', async (t) => {
  const fastify = await buildServer(t, { clients: async () => CLIENT })
  const post = (id: string) => postForm(fastify, TOKEN, GRANT, { authorization: basic(id, 'its-secret') })
  t.equal((await post('LOOKED-UP')).statusCode, 401, 'a database may ignore the case; ids do not')
  t.equal((await post('looked-up')).statusCode, 200)
})

t.test('T42: a look-up that fails is 503 with Retry-After, wherever a client is looked up', async (t) => {
  let down = false
  const fastify = await buildServer(t, {
    grants: { 'urn:example:login': async () => ({ subject: 'alice' }) },
    clients: (id) => {
      if (down) throw new Error('no connection')
      return Promise.resolve(id === 'app' ? { id, secret: 'app-secret', grants: ['urn:example:login'] } : undefined)
    }
  })
  const form = { grant_type: 'urn:example:login', token: 'x' }
  const post = (url: string) => postForm(fastify, url, form, { authorization: basic('app', 'app-secret') })
  t.equal((await post(TOKEN)).statusCode, 200)
  down = true
  for (const url of [TOKEN, '/oauth/revoke', '/oauth/introspect']) {
    const response = await post(url)
    t.equal(response.statusCode, 503)
    t.equal(response.headers['retry-after'], '5')
    t.same(response.json(), outage)
  }
  await t.rejects(fastify.oauth.issue({ clientId: 'app' }), { code: 'temporarily_unavailable' })
})

t.test('T42: so is one that fails while the subject of a grant is compared with the clients', async (t) => {
  const fastify = await buildServer(t, {
    grants: { 'urn:example:login': async () => ({ subject: 'alice' }) },
    clients: async (id) => {
      if (id === 'alice') throw new Error('no connection')
      return { id, secret: 'app-secret', grants: ['urn:example:login'] }
    }
  })
  const response = await postForm(
    fastify,
    TOKEN,
    { grant_type: 'urn:example:login' },
    {
      authorization: basic('app', 'app-secret')
    }
  )
  t.equal(response.statusCode, 503)
  t.equal(response.headers['retry-after'], '5')
  t.same(response.json(), outage)
})

t.test(
  'a client that is looked up is checked as a listed one: what is wrong is 503, logged by name, never public',
  async (t) => {
    const wrong: Record<string, [Client, string]> = {
      misspelt: [
        JSON.parse('{"id":"misspelt","secrets":["its-secret"],"grants":["refresh_token"]}'),
        'clients[] has no "secrets": it takes id, secret, secretDigest, grants, scope, introspect'
      ],
      'empty-secret': [
        { ...CLIENT, id: 'empty-secret', secret: '' },
        'clients[].secret of "empty-secret" must be a non-empty string, or an array of them'
      ],
      'no-secrets-left': [
        { ...CLIENT, id: 'no-secrets-left', secret: [] },
        'clients[] "no-secrets-left" has an empty list of secrets: leave it out to make the client public'
      ],
      'short-digest': [
        { ...CLIENT, id: 'short-digest', secretDigest: 'abc' },
        'clients[].secretDigest of "short-digest" must be the base64url SHA-256 of the secret'
      ],
      'unknown-grant': [
        { ...CLIENT, id: 'unknown-grant', grants: ['refresh-token'] },
        'clients[].grants of "unknown-grant" must be an array of the grant types there are: client_credentials, refresh_token, authorization_code'
      ],
      public: [
        { id: 'public', grants: ['client_credentials'] },
        'clients[] "public" has no secret: the client_credentials grant is for confidential clients only (RFC 6749 section 4.4)'
      ]
    }
    const lines: string[] = []
    const fastify = Fastify({ logger: { level: 'error', stream: { write: (line) => lines.push(line) } } })
    t.teardown(() => fastify.close())
    await fastify.register(oauthTelemetry, withOptions({ clients: async (id) => wrong[id]?.[0] }))
    for (const [id, [, message]] of Object.entries(wrong)) {
      for (const secret of [{}, { client_secret: 'its-secret' }]) {
        for (const url of [TOKEN, '/oauth/revoke', '/oauth/introspect']) {
          const response = await postForm(fastify, url, { ...GRANT, client_id: id, token: 'x', ...secret })
          t.equal(response.statusCode, 503, `${url} ${id}`)
          t.equal(response.headers['retry-after'], '5')
          t.same(response.json(), outage)
          t.match(JSON.parse(lines.pop() ?? '{}').err, { type: 'TypeError', message }, id)
        }
      }
      await t.rejects(fastify.oauth.issue({ clientId: id }), {
        code: 'temporarily_unavailable',
        cause: { name: 'TypeError', message }
      })
    }
  }
)

t.test('T10: client_credentials is for confidential clients only', async (t) => {
  await t.rejects(buildServer(t, { clients: [{ id: 'public', grants: ['client_credentials'] }] }), {
    message:
      'clients[] "public" has no secret: the client_credentials grant is for confidential clients only (RFC 6749 section 4.4)'
  })
})

t.test('a wrong client is refused at registration, by the name of what is wrong', async (t) => {
  const wrong: [Client, string][] = [
    [{ id: '' }, 'clients[].id must be 1 to 256 printable ASCII characters'],
    [{ id: 'é' }, 'clients[].id must be 1 to 256 printable ASCII characters'],
    [{ id: 'x'.repeat(257) }, 'clients[].id must be 1 to 256 printable ASCII characters'],
    [JSON.parse('{}'), 'clients[].id must be 1 to 256 printable ASCII characters'],
    [{ id: 'a', secret: '' }, 'clients[].secret of "a" must be a non-empty string, or an array of them'],
    [{ id: 'a', secret: ['x', ''] }, 'clients[].secret of "a" must be a non-empty string, or an array of them'],
    [JSON.parse('{"id":"a","secret":null}'), 'clients[].secret of "a" must be a non-empty string, or an array of them'],
    [{ id: 'a', secret: [] }, 'clients[] "a" has an empty list of secrets: leave it out to make the client public'],
    [
      { id: 'a', secretDigest: [] },
      'clients[] "a" has an empty list of secrets: leave it out to make the client public'
    ],
    [
      { id: 'a', secretDigest: createHash('sha256').update('x').digest('hex') },
      'clients[].secretDigest of "a" must be the base64url SHA-256 of the secret'
    ]
  ]
  for (const [client, message] of wrong) await t.rejects(buildServer(t, { clients: [client] }), { message }, message)
  await t.rejects(buildServer(t, { clients: [...OPTIONS.clients, { id: 'web' }] }), {
    message: 'clients[].id "web" appears twice'
  })
})
