import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Cluster, type ClusterOptions } from 'ioredis'
import t, { type Test } from 'tap'
import { request } from 'undici'
import { createClient } from '../../example-server/stores/redis.ts'
import { parseStore } from '../../example-server/stores.ts'
import { startPostgres } from '../support/postgres.ts'
import { type Environment, type ListeningProcess, runExampleServer, startExampleServer } from '../support/processes.ts'
import { startRedis, startRedisCluster } from '../support/redis.ts'

t.setTimeout(240_000)

/** Of all starts of a server, whatever its port: tokens name it. */
const ISSUER = { ISSUER: 'https://auth.example' }

interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
}

async function login({ url }: ListeningProcess): Promise<Tokens> {
  const { statusCode, body } = await request(`${url}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'alice', password: 'wonderland' })
  })
  if (statusCode !== 200) throw new Error(`login answered ${statusCode}: ${await body.text()}`)
  return (await body.json()) as Tokens
}

async function post({ url }: ListeningProcess, path: string, form: Record<string, string>): Promise<number> {
  const { statusCode, body } = await request(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ client_id: 'web', ...form }).toString()
  })
  await body.dump()
  return statusCode
}

async function statusOf({ url }: ListeningProcess, path: string, token = ''): Promise<number> {
  const { statusCode, body } = await request(url + path, { headers: { authorization: `Bearer ${token}` } })
  await body.dump()
  return statusCode
}

const refresh = (server: ListeningProcess, { refresh_token }: Tokens) =>
  post(server, '/oauth/token', { grant_type: 'refresh_token', refresh_token })

/** Starts, issues, kills, starts again: what lived lives, and what was dead stays dead. */
async function surviveKill(t: Test, env: Environment, cwd?: string): Promise<void> {
  const before = await startExampleServer(t, { ...ISSUER, ...env }, cwd)
  t.equal(await statusOf(before, '/ready'), 200)
  const [alive, revoked, spent] = [await login(before), await login(before), await login(before)]
  t.equal(await post(before, '/oauth/revoke', { token: revoked.refresh_token }), 200)
  t.equal(await refresh(before, spent), 200)
  t.match(await before.stop('SIGKILL'), { signal: 'SIGKILL' })

  const after = await startExampleServer(t, { ...ISSUER, ...env }, cwd)
  t.equal(await statusOf(after, '/orders', alive.access_token), 200, 'a token that was issued')
  t.equal(await refresh(after, alive), 200)
  t.equal(await statusOf(after, '/orders', revoked.access_token), 401, 'a token that was revoked')
  t.equal(await refresh(after, revoked), 400)
  t.equal(await refresh(after, spent), 400, 'a refresh token that was spent')
  t.match(await after.stop(), { code: 0 })
}

t.test('by default tokens and keys are in ./data, for nobody else to read, and survive kill -9', async (t) => {
  const folder = t.testdir({})
  await surviveKill(t, { OAUTH_STORE: '' }, folder)
  const data = join(folder, 'data')
  t.equal(statSync(data).mode & 0o777, 0o700)
  const files = readdirSync(data)
  t.match(files.sort(), ['tokens.db', /^tokens\.db\..*signing-key.*RS256/])
  for (const file of files) t.equal(statSync(join(data, file)).mode & 0o777, 0o600, file)
})

t.test('sqlite:PATH is a file elsewhere', async (t) => {
  const path = join(t.testdir({}), 'of', 'mine.db')
  await surviveKill(t, { OAUTH_STORE: `sqlite:${path}` })
  t.ok(statSync(path).isFile())
})

t.test('redis:// is a server', async (t) => {
  const server = await startRedis(t)
  if (server !== undefined) await surviveKill(t, { OAUTH_STORE: server.url })
})

t.test('redis:// with commas is a cluster', async (t) => {
  const cluster = await startRedisCluster(t)
  if (cluster === undefined) return
  await surviveKill(t, { OAUTH_STORE: cluster.nodes.map(({ url }) => url).join(',') })
})

t.test('postgres:// is a database, in which the tables are made', async (t) => {
  const server = await startPostgres(t)
  if (server !== undefined) await surviveKill(t, { OAUTH_STORE: server.url })
})

t.test('what OAUTH_STORE may be', async (t) => {
  t.strictSame(parseStore('memory:'), { engine: 'memory' })
  t.strictSame(parseStore('sqlite:tokens.db'), { engine: 'sqlite', path: 'tokens.db' })
  t.strictSame(parseStore('postgresql://a:b@c/d'), { engine: 'postgres', url: 'postgresql://a:b@c/d' })
  const hrefs = (text: string) => {
    const location = parseStore(text)
    return location.engine === 'redis' ? location.nodes.map(({ href }) => href) : []
  }
  t.strictSame(hrefs('rediss://u:p@a:1'), ['rediss://u:p@a:1'])
  t.strictSame(hrefs('redis://a:1,b:2,redis://c:3'), ['redis://a:1', 'redis://b:2', 'redis://c:3'])
})

t.test('what the first node of a cluster says of user, password and TLS goes for all', async (t) => {
  const client = createClient([new URL('rediss://me:s%20ecret@a:1'), new URL('rediss://b')])
  t.ok(client instanceof Cluster)
  const { redisOptions, clusterRetryStrategy } = client.options as ClusterOptions
  t.match(redisOptions, { username: 'me', password: 's ecret', tls: {}, connectTimeout: 2000, commandTimeout: 2000 })
  t.equal(clusterRetryStrategy?.(7), 500)
  const plain = createClient([new URL('redis://a'), new URL('redis://b')])
  t.equal('tls' in ((plain.options as ClusterOptions).redisOptions ?? {}), false)
})

t.test('what it may not be is said without the password that it may hold', async (t) => {
  const forms =
    'It takes memory:, sqlite:PATH, redis://HOST:PORT, rediss://… (several of these with commas between: a cluster), postgres://…'
  const wrong: Record<string, string> = {
    'mysql://user:secret@host/db': 'OAUTH_STORE "mysql:" is not supported',
    secret: 'OAUTH_STORE has no scheme',
    'sqlite:': 'OAUTH_STORE names no file',
    'postgres://user:secret@host:port/db': 'OAUTH_STORE has an address that is no URL',
    'redis://:secret@host:port': 'OAUTH_STORE has an address that is no URL'
  }
  for (const [text, message] of Object.entries(wrong)) {
    t.throws(() => parseStore(text), { name: 'ConfigurationError', message: `${message}. ${forms}` }, message)
  }
})

t.test('a store that cannot be used ends the server with one line that says why, and no password', async (t) => {
  const folder = t.testdir({ file: '' })
  const cases: Record<string, RegExp> = {
    [`sqlite:${folder}/file/tokens.db`]:
      /^OAUTH_STORE: The token database .* cannot be created: its folder must be one/,
    'redis://:do-not-show-me@127.0.0.1:1':
      /^OAUTH_STORE: Redis cannot be reached: connect ECONNREFUSED 127\.0\.0\.1:1$/,
    'redis://127.0.0.1:1,127.0.0.1:2': /^OAUTH_STORE: Redis cannot be reached: /,
    'postgres://user:do-not-show-me@127.0.0.1:1/db': /^OAUTH_STORE: PostgresStore: PostgreSQL cannot be reached/
  }
  for (const [store, message] of Object.entries(cases)) {
    const { code, output } = await runExampleServer(t, { OAUTH_STORE: store })
    t.equal(code, 1)
    const [last = ''] = output.split('\n').slice(-1)
    t.match(last, message)
    t.notMatch(output, 'do-not-show-me')
  }
})
