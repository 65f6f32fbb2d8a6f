import { once } from 'node:events'
import type { Server } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import Fastify, { type FastifyHttpOptions } from 'fastify'
import t, { type Test } from 'tap'
import oauthTelemetry, { MemoryStore, type MetricsOptions, type OAuthTelemetryOptions } from '../lib/index.ts'
import { SqliteStore } from '../lib/stores/sqlite.ts'
import { CommandedStore } from './support/commanded-store.ts'
import { makeKey } from './support/jwt.ts'
import { OPTIONS, withOptions } from './support/server.ts'

const PREFIX = 'fastify-oauth-telemetry: '
const STORE = 'no store is given: tokens are kept in memory and end with this process'
const KEY =
  'the signing key is kept in the store, where others may read it: give signingKeySecret to seal it, or signingKeys'
const OPEN = '/metrics is open to everyone: give metrics.onRequest, or metrics.port for a listener of its own'
const SLOW =
  'without a proxy in front, set requestTimeout, a smaller http.headersTimeout and a short http.connectionsCheckingInterval, or slow clients can hold connections open'

/** What the README says about slow clients. */
const RECIPE = {
  requestTimeout: 2000,
  http: { headersTimeout: 1000, connectionsCheckingInterval: 500 }
} as const

const safe = (): OAuthTelemetryOptions =>
  withOptions({
    store: new MemoryStore(),
    signingKeys: [makeKey('key-1').privateKey],
    metrics: { onRequest: async () => {} }
  })

async function inEnvironment(environment: string | undefined, work: () => Promise<void>): Promise<void> {
  const { NODE_ENV } = process.env
  const set = (value: string | undefined) => {
    if (value === undefined) delete process.env.NODE_ENV
    else process.env.NODE_ENV = value
  }
  set(environment)
  await work().finally(() => set(NODE_ENV))
}

/** What a server warns of when it starts, in this environment. */
async function warnings(
  t: Test,
  environment: string | undefined,
  options: OAuthTelemetryOptions,
  server: FastifyHttpOptions<Server> = {}
): Promise<string[]> {
  const lines: { level: number; msg: string }[] = []
  const fastify = Fastify({ ...server, logger: { stream: { write: (line) => lines.push(JSON.parse(line)) } } })
  t.teardown(() => fastify.close())
  await inEnvironment(environment, async () => {
    await fastify.register(oauthTelemetry, options)
    await fastify.ready()
  })
  return lines.filter(({ level }) => level >= 40).map(({ msg }) => msg.replace(PREFIX, ''))
}

t.test('in production, what is fine for development only is warned of, once each', async (t) => {
  t.strictSame(await warnings(t, 'production', OPTIONS), [STORE, OPEN, SLOW])
})

t.test('elsewhere nothing is', async (t) => {
  t.strictSame(await warnings(t, 'development', OPTIONS), [])
  t.strictSame(await warnings(t, undefined, OPTIONS), [])
})

t.test('a server that is set up for production is not warned of anything', async (t) => {
  t.strictSame(await warnings(t, 'production', safe(), RECIPE), [])
})

t.test('a signing key that others may read in the store is warned of', async (t) => {
  const { signingKeys: _, ...generating } = safe()
  const secret = 'x'.repeat(32)
  const cases: [OAuthTelemetryOptions, string[]][] = [
    [{ ...generating, store: new CommandedStore() }, [KEY]],
    [{ ...generating, store: new CommandedStore(), signingKeySecret: secret }, []],
    [{ ...safe(), store: new CommandedStore() }, []],
    [generating, []],
    [{ ...generating, store: new SqliteStore({ path: join(t.testdir({}), 'tokens.db') }) }, []]
  ]
  for (const [options, expected] of cases) t.strictSame(await warnings(t, 'production', options, RECIPE), expected)
})

t.test('A13: metrics are warned of when they are open to everyone, and only then', async (t) => {
  for (const metrics of ['/m', {}, { path: '/m' }, { onRequest: [] }]) {
    t.strictSame(await warnings(t, 'production', { ...safe(), metrics }, RECIPE), [OPEN], JSON.stringify(metrics))
  }
  const closed: (false | MetricsOptions)[] = [false, { port: 0 }, { onRequest: [async () => {}] }]
  for (const metrics of closed) t.strictSame(await warnings(t, 'production', { ...safe(), metrics }, RECIPE), [])
})

t.test('the resource-server role needs neither store nor signing keys', async (t) => {
  const trust = [{ issuer: 'https://tenant.example', audience: 'https://api.example' }]
  t.strictSame(await warnings(t, 'production', { trust, metrics: false }, RECIPE), [])
})

t.test('A5: timeouts that do not stop slow clients are warned of', async (t) => {
  const slow: FastifyHttpOptions<Server>[] = [{}, { requestTimeout: 1500 }, { http: { headersTimeout: 1000 } }]
  for (const server of slow) t.strictSame(await warnings(t, 'production', safe(), server), [SLOW])
  const http2 = { http2: true } as unknown as FastifyHttpOptions<Server>
  t.strictSame(await warnings(t, 'production', safe(), http2), [], 'HTTP/2 has no such settings')
})

/** Sends `first` at once and `bytes` one every 250 ms; resolves to how long it was before the server hung up. */
async function drip(t: Test, port: number, first: string, bytes: string): Promise<{ seconds: number; answer: string }> {
  const start = performance.now()
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk
  })
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(first)
  let sent = 0
  const timer = setInterval(() => {
    if (socket.writable && sent < bytes.length) socket.write(bytes[sent++] ?? '')
  }, 250)
  try {
    // Not `once`, which rejects when the server's reset comes first.
    await new Promise((resolve, reject) => {
      socket.once('close', resolve)
      setTimeout(() => reject(new Error('the server does not hang up')), 15_000).unref()
    })
  } finally {
    clearInterval(timer)
  }
  return { seconds: (performance.now() - start) / 1000, answer }
}

t.test('A5: with the README recipe, who drips a byte every 250 ms is cut off within 5 seconds', async (t) => {
  const fastify = Fastify(RECIPE)
  t.teardown(() => fastify.close())
  await fastify.register(oauthTelemetry, OPTIONS)
  const { port } = new URL(await fastify.listen({ port: 0, host: '127.0.0.1' }))
  const head = 'POST /oauth/token HTTP/1.1\r\nHost: auth.example\r\nContent-Type: application/x-www-form-urlencoded\r\n'
  const body = 'grant_type=refresh_token&client_id=web&refresh_token=abc'
  const [inHeaders, inBody] = await Promise.all([
    drip(t, Number(port), 'POST ', head.slice(5)),
    drip(t, Number(port), `${head}Content-Length: ${body.length}\r\n\r\n`, body)
  ])
  for (const { seconds, answer } of [inHeaders, inBody]) {
    t.ok(seconds < 5, `cut off after ${seconds.toFixed(1)} s`)
    t.match(answer, /^HTTP\/1\.1 408 /)
  }
})
