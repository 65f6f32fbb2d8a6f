import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { request } from 'undici'
import { buildApp } from '../../example-server/app.ts'
import { readAddress, readConfiguration } from '../../example-server/configuration.ts'
import { runExampleServer, startExampleServer } from '../support/processes.ts'

const DEMO_NOTICE = /"level":40.*"the demo clients and demo users are for development only: their secrets are public"/

const read = (env: Record<string, string>) => readConfiguration(env, { host: '127.0.0.1', port: 3000 })

const basic = (id: string, secret: string) => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`

const getToken = async (url: string, id: string, secret: string) => {
  const { statusCode, body } = await request(`${url}/oauth/token`, {
    method: 'POST',
    headers: { authorization: basic(id, secret), 'content-type': 'application/x-www-form-urlencoded' },
    body: 'grant_type=client_credentials'
  })
  return { status: statusCode, body: (await body.json()) as Record<string, unknown> }
}

const metadata = async (url: string) => {
  const { body } = await request(`${url}/.well-known/oauth-authorization-server`)
  return (await body.json()) as Record<string, unknown>
}

t.test('with nothing set it says that the demo clients are for development, and nothing else is wrong', async (t) => {
  const server = await startExampleServer(t)
  t.match(server.url, /^http:\/\/127\.0\.0\.1:[1-9]\d*$/)
  t.match(server.output(), DEMO_NOTICE)
  t.equal(server.output().match(/"level":[456]0/g)?.length, 1)
  t.match(await getToken(server.url, 'reports', 'reports-secret'), {
    status: 200,
    body: { scope: 'orders:read orders:write' }
  })
  t.match(await getToken(server.url, 'admin', 'admin-secret'), { status: 200, body: { scope: 'tokens:revoke' } })
  t.match(await getToken(server.url, 'gateway', 'gateway-secret'), {
    status: 400,
    body: { error: 'unauthorized_client' }
  })
})

t.test('in production the demo clients are an error in the log, and slow clients have been thought of', async (t) => {
  const server = await startExampleServer(t, { NODE_ENV: 'production' })
  t.match(server.output(), /"level":50.*THE DEMO CLIENTS AND DEMO USERS ARE ACTIVE IN PRODUCTION/)
  t.match(server.output(), /tokens are kept in memory and end with this process/)
  t.notMatch(server.output(), /requestTimeout/)
})

t.test('ISSUER and AUDIENCE stand where there is a proxy in front', async (t) => {
  const { url } = await startExampleServer(t, { ISSUER: 'https://auth.example', AUDIENCE: 'https://api.example' })
  t.match(await metadata(url), {
    issuer: 'https://auth.example',
    token_endpoint: 'https://auth.example/oauth/token'
  })
  const { access_token } = (await getToken(url, 'reports', 'reports-secret')).body
  const claims = JSON.parse(Buffer.from(String(access_token).split('.')[1] ?? '', 'base64url').toString())
  t.match(claims, { iss: 'https://auth.example', aud: 'https://api.example' })
})

t.test('HOST is where it listens, and in the issuer', async (t) => {
  const { url } = await startExampleServer(t, { HOST: 'localhost' })
  const { port } = new URL(url)
  t.match(await metadata(url), { issuer: `http://localhost:${port}` })
})

t.test('LOG_LEVEL is how much it says', async (t) => {
  const app = await buildApp(read({ LOG_LEVEL: 'error', OAUTH_STORE: 'memory:' }))
  t.equal(app.log.level, 'error')
  await app.close()
})

t.test('OAUTH_CLIENTS replaces the demo clients', async (t) => {
  const file = join(t.testdir({}), 'clients.json')
  writeFileSync(
    file,
    JSON.stringify([
      { id: 'mine', secret: ['old', 'new'], grants: ['client_credentials'], scope: ['orders:read'] },
      { id: 'web' }
    ])
  )
  const server = await startExampleServer(t, { OAUTH_CLIENTS: file })
  t.notMatch(server.output(), DEMO_NOTICE)
  t.match(await getToken(server.url, 'mine', 'new'), { status: 200, body: { scope: 'orders:read' } })
  t.match(await getToken(server.url, 'reports', 'reports-secret'), { status: 401, body: { error: 'invalid_client' } })

  t.match(server.output(), /there is no POST \/login: OAUTH_CLIENTS has no client \\"web\\"/)
  const { statusCode } = await request(`${server.url}/login`, { method: 'POST' })
  t.equal(statusCode, 404, 'logging in needs the client web')
})

t.test('a wrong file of clients is named, with what is wrong in it, and no secret', async (t) => {
  const secret = 'do-not-show-me'
  const wrong: readonly [content: string, message: string][] = [
    [`[{ "id": "a", "secret": "${secret}" `, 'it is not JSON'],
    [`{ "id": "a", "secret": "${secret}" }`, 'it must hold an array of clients'],
    ['[]', 'it must hold an array of clients'],
    [`["${secret}"]`, '[0] must be an object'],
    ['[null]', '[0] must be an object'],
    [`[{ "secret": "${secret}" }]`, '[0].id is missing'],
    ['[{ "id": "a" }, { "id": 7 }]', '[1].id must be a non-empty string'],
    ['[{ "id": "a", "secret": "" }]', '[0].secret must be a non-empty string, or an array of them'],
    ['[{ "id": "a", "grants": "client_credentials" }]', '[0].grants must be an array of non-empty strings'],
    ['[{ "id": "a", "scope": "orders:read" }]', '[0].scope must be an array of non-empty strings'],
    ['[{ "id": "a", "introspect": "yes" }]', '[0].introspect must be true, false or an array of audiences'],
    [
      '[{ "id": "a", "scopes": [] }]',
      '[0].scopes is not a property of clients: they have id, secret, secretDigest, grants, scope, introspect'
    ]
  ]
  const file = join(t.testdir({}), 'clients.json')
  for (const [content, message] of wrong) {
    writeFileSync(file, content)
    t.throws(
      () => read({ OAUTH_CLIENTS: file }),
      { name: 'ConfigurationError', message: `OAUTH_CLIENTS=${file}: ${message}` },
      message
    )
  }
})

t.test('a setting it cannot use is named, with what it can use', async (t) => {
  for (const port of ['http', '65536', '-1', '1.5']) {
    t.throws(() => readAddress({ PORT: port }), {
      name: 'ConfigurationError',
      message: `PORT must be a whole number from 0 to 65535, not "${port}"`
    })
  }
  t.throws(() => read({ LOG_LEVEL: 'loud' }), {
    name: 'ConfigurationError',
    message: 'LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent'
  })
  t.throws(() => read({ OAUTH_CLIENTS: '/nowhere/clients.json' }), {
    name: 'ConfigurationError',
    message: /^OAUTH_CLIENTS=\/nowhere\/clients\.json: ENOENT/
  })
})

t.test('without a setting there is a default', async (t) => {
  t.strictSame(readAddress({}), { host: '127.0.0.1', port: 3000 })
  t.strictSame(readAddress({ HOST: '', PORT: '' }), { host: '127.0.0.1', port: 3000 })
  t.match(read({}), { issuer: 'http://127.0.0.1:3000', audience: 'http://127.0.0.1:3000', logLevel: 'info' })
  t.match(read({}), { demo: 'development', store: { engine: 'sqlite', path: './data/tokens.db' } })
})

t.test('the issuer is a URL that clients on this machine can reach', async (t) => {
  const issuer = (host: string) => readConfiguration({}, { host, port: 8080 }).issuer
  t.equal(issuer('0.0.0.0'), 'http://localhost:8080')
  t.equal(issuer('::'), 'http://localhost:8080')
  t.equal(issuer('::1'), 'http://[::1]:8080')
  t.equal(issuer('api.local'), 'http://api.local:8080')
})

t.test('what has not been foreseen at the start is shown whole', async (t) => {
  const { code, output } = await runExampleServer(t, { HOST: '192.0.2.1' })
  t.equal(code, 1)
  t.match(output, 'EADDRNOTAVAIL')
  t.match(output, /^ +at /m, 'with its stack')
})

t.test('PORT is where it listens, and a port that is taken ends it', async (t) => {
  const { url } = await startExampleServer(t)
  const { code, output } = await runExampleServer(t, { PORT: new URL(url).port })
  t.equal(code, 1)
  const said = `listen EADDRINUSE: address already in use ${new URL(url).host}`
  t.equal(output.trim().split('\n').at(-1), `${said}: set PORT to another, or to 0 for a free one, or HOST`)
})
