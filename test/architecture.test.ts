import { readFileSync } from 'node:fs'
import t from 'tap'
import { ATTRIBUTE, METRIC, REUSE_DETECTED, SCOPE_NAME, SPAN } from '../lib/telemetry/conventions.ts'
import { circles, importsOf, sources, withoutComments } from './support/sources.ts'

/** The folder a file is in; at the top each file is a room of its own. */
const roomOf = (path: string): string => path.split('/')[0]?.replace(/\.ts$/, '') ?? ''

const ROOMS = ['oauth', 'stores', 'jwt', 'telemetry', 'routes']

/** What each room may import from the rooms below it: CONTRIBUTING.md, "arrows only go down this list". */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  index: ['plugin', 'api', 'guard', 'options', ...ROOMS],
  plugin: ['issuer-role', 'pruning', 'api', 'guard', 'options', 'production', 'version', ...ROOMS],
  'issuer-role': ['pruning', 'options', ...ROOMS],
  pruning: ['telemetry', 'oauth'],
  api: ['guard', 'telemetry', 'oauth'],
  production: ['options'],
  guard: ['routes', 'telemetry', 'oauth'],
  options: ['telemetry', 'jwt', 'oauth'],
  routes: ['telemetry', 'oauth'],
  telemetry: ['oauth'],
  jwt: ['oauth'],
  stores: ['oauth'],
  oauth: [],
  version: []
}

/** The packages each room may import, beside Node's own modules. */
const MAY_USE: Readonly<Record<string, readonly string[]>> = {
  plugin: ['fastify', 'fastify-plugin'],
  'issuer-role': ['fastify'],
  pruning: ['fastify'],
  production: ['fastify'],
  guard: ['fastify', '@opentelemetry/api'],
  options: ['fastify'],
  routes: ['fastify', '@opentelemetry/api', 'ipaddr.js', 'jose'],
  telemetry: ['fastify', '@opentelemetry/api'],
  jwt: ['fastify', '@fastify/jwt', 'jose', 'lru-cache', 'undici'],
  oauth: ['lru-cache']
}

/** The one file that may import an OpenTelemetry SDK. */
const SDK_FILE = 'telemetry/prometheus.ts'
const SDK = ['@opentelemetry/exporter-prometheus', '@opentelemetry/sdk-metrics']

/** Imports of packages that are only looked at for their types, and leave nothing behind. */
const TYPES_ONLY: Readonly<Record<string, readonly string[]>> = {
  plugin: ['fastify'],
  'issuer-role': ['fastify'],
  pruning: ['fastify'],
  production: ['fastify'],
  guard: ['fastify'],
  options: ['fastify'],
  routes: ['fastify', 'jose'],
  telemetry: ['fastify'],
  jwt: ['fastify']
}

const arrows = sources.flatMap(({ path, imports }) => imports.map((entry) => ({ from: path, ...entry })))

t.test('the test sees the imports there are', async (t) => {
  t.ok(sources.length > 60, `${sources.length} files`)
  t.same(
    importsOf('a/b.ts', "import {\n  type X,\n  y\n} from '../c.ts'\nimport type { Z } from 'z'\nimport './d.ts'\n"),
    [
      { target: 'c.ts', own: true, typeOnly: false },
      { target: 'z', own: false, typeOnly: true },
      { target: 'a/d.ts', own: true, typeOnly: false }
    ]
  )
  t.same(importsOf('a.ts', "export * from './b.ts'\nconst c = await import('./c.ts')\n"), [
    { target: 'b.ts', own: true, typeOnly: false },
    { target: 'c.ts', own: true, typeOnly: false }
  ])
  const paths = new Set(sources.map(({ path }) => path))
  t.same(
    arrows.filter(({ own, target }) => own && !paths.has(target) && target !== '../package.json'),
    [],
    'each import of ours leads to a file'
  )
})

t.test('arrows only go down: each room imports the rooms below it, and no other', async (t) => {
  const wrong = arrows.filter(({ from, target, own }) => {
    const [room, targetRoom] = [roomOf(from), roomOf(target)]
    return own && room !== targetRoom && !(MAY_IMPORT[room] ?? []).includes(targetRoom)
  })
  t.same(
    wrong.map(({ from, target }) => `${from} imports ${target}`),
    []
  )
})

t.test('no file imports itself by way of others, type-only imports included', async (t) => {
  t.same(circles(new Map(sources.map(({ path, imports }) => [path, imports.filter(({ own }) => own)]))), [])
})

t.test('each room uses only its own packages', async (t) => {
  const wrong = arrows.filter(({ from, target, own }) => {
    if (own || target.startsWith('node:')) return false
    return !(MAY_USE[roomOf(from)] ?? []).includes(target) && !(from === SDK_FILE && SDK.includes(target))
  })
  t.same(
    wrong.map(({ from, target }) => `${from} imports ${target}`),
    []
  )
  const loaded = arrows.filter(({ from, target, typeOnly }) => {
    return !typeOnly && (TYPES_ONLY[roomOf(from)] ?? []).includes(target)
  })
  t.same(
    loaded.map(({ from, target }) => `${from} loads ${target}`),
    [],
    'what is there for its types is not loaded'
  )
})

t.test('nothing in the kernel knows Fastify, OpenTelemetry or a JWT library', async (t) => {
  const known = /fastify|opentelemetry|jwt|jose|undici/i
  const wrong = arrows.filter(({ from, target, own }) => roomOf(from) === 'oauth' && !own && known.test(target))
  t.same(wrong, [])
})

t.test('only telemetry/prometheus.ts imports an OpenTelemetry SDK', async (t) => {
  const importers = arrows.filter(
    ({ target }) => target.startsWith('@opentelemetry/') && target !== '@opentelemetry/api'
  )
  t.same([...new Set(importers.map(({ from }) => from))], [SDK_FILE])
})

t.test('no store imports a driver: the caller passes the client in', async (t) => {
  const wrong = arrows.filter(
    ({ from, target, own }) => roomOf(from) === 'stores' && !own && !target.startsWith('node:')
  )
  t.same(wrong, [])
})

t.test('the main entry loads no engine: each store that needs one is an entry of its own', async (t) => {
  const parts = ['stores/memory.ts', 'stores/token-counts.ts']
  const entries = sources
    .map(({ path }) => path)
    .filter((path) => /^stores\/[^/]+$/.test(path) && !parts.includes(path))
  t.strictSame(entries.sort(), ['stores/postgres.ts', 'stores/redis.ts', 'stores/sqlite.ts'])
  const { exports } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  for (const entry of entries) {
    const built = `./dist/${entry.replace('.ts', '')}`
    t.strictSame(exports[`./${entry.replace('.ts', '')}`], { types: `${built}.d.ts`, default: `${built}.js` })
  }
  t.strictSame(
    arrows.filter(({ target }) => entries.includes(target)),
    []
  )
  const engine = arrows.filter(({ from, target }) => target === 'node:sqlite' && !from.startsWith('stores/sqlite'))
  t.strictSame(engine, [])
})

t.test('the names of telemetry stand in telemetry/conventions.ts only', async (t) => {
  const wrong = sources
    .filter(({ path }) => path !== 'telemetry/conventions.ts')
    .flatMap(({ path, text }) => {
      const names = withoutComments(text).match(/['"`]oauth2[._][^'"`]*['"`]/g) ?? []
      return names.map((name) => `${path}: ${name}`)
    })
  t.same(wrong, [])
})

t.test('every name of the article is there, with its meaning', async (t) => {
  t.equal(SCOPE_NAME, 'oauth2.tokens')
  t.equal(REUSE_DETECTED, 'refresh_token_reuse_detected')
  t.match(METRIC, {
    issued: 'oauth2.token.issued',
    refreshed: 'oauth2.token.refreshed',
    revoked: 'oauth2.token.revoked',
    validated: 'oauth2.token.validated',
    ageAtRefresh: 'oauth2.token.age_at_refresh',
    active: 'oauth2.token.active'
  })
  t.match(SPAN, {
    issue: 'oauth2.token.issue',
    refresh: 'oauth2.token.refresh',
    revoke: 'oauth2.token.revoke',
    revokeAll: 'oauth2.token.revoke_all',
    validate: 'oauth2.token.validate'
  })
  t.match(ATTRIBUTE, {
    clientId: 'oauth2.client_id',
    userId: 'oauth2.user_id',
    grantType: 'oauth2.grant_type',
    scopes: 'oauth2.scopes',
    accessTokenId: 'oauth2.access_token_id',
    tokenTtl: 'oauth2.token_ttl_seconds',
    tokenAgeAtRefresh: 'oauth2.token_age_seconds',
    tokenAge: 'oauth2.token_age',
    tokenId: 'oauth2.token_id',
    tokenLifetime: 'oauth2.token_lifetime_seconds',
    tokensRevoked: 'oauth2.tokens_revoked',
    refreshError: 'oauth2.refresh.error',
    originalIssuedAt: 'oauth2.original_issued_at',
    revocationReason: 'oauth2.revocation.reason',
    revocationBy: 'oauth2.revocation.by',
    validationResult: 'oauth2.validation.result'
  })
})

t.test('index.ts names what it exports', async (t) => {
  const index = sources.find(({ path }) => path === 'index.ts')
  t.notMatch(index?.text ?? '', /export \*/)
  t.match(index?.text ?? '', /export \{ default \} from '.\/plugin.ts'/)
})

t.test('each file has one subject: none is longer than 220 lines', async (t) => {
  const long = sources.map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
  t.same(
    long.filter(({ lines }) => lines > 220),
    []
  )
})
