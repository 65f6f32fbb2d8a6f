import { randomBytes } from 'node:crypto'
import fastifyPostgres from '@fastify/postgres'
import Fastify from 'fastify'
import pg from 'pg'
import t from 'tap'
import oauthTelemetry from '../../lib/index.ts'
import { PostgresStore, type PostgresStoreOptions } from '../../lib/stores/postgres.ts'
import { startPostgres } from '../support/postgres.ts'
import { callOrders, OPTIONS, refresh } from '../support/server.ts'
import { accessToken, NOW, refreshToken, rotate, sorted } from './conformance/tokens.ts'

const POOL_MESSAGE = "pool must be a pool of 'pg', for example new pg.Pool({ connectionString })"
const OPTIONS_MESSAGE = 'it takes an object, for example { pool: new pg.Pool() }'
const SCHEMA_MESSAGE =
  "schema must be a name of letters, digits and underscores, 63 at most, for example 'fastify_oauth'"

t.test('wrong options throw, and say what to write instead', async (t) => {
  const pool = new pg.Pool()
  const wrong: [unknown, string][] = [
    [undefined, OPTIONS_MESSAGE],
    [null, OPTIONS_MESSAGE],
    ['postgres://localhost', OPTIONS_MESSAGE],
    [{}, POOL_MESSAGE],
    [{ pool: null }, POOL_MESSAGE],
    [{ pool: 'postgres://localhost' }, POOL_MESSAGE],
    [{ pool: { query: pool.query } }, POOL_MESSAGE],
    [{ pool: { query: pool.query, on: pool.on } }, POOL_MESSAGE],
    [{ pool, schema: '' }, SCHEMA_MESSAGE],
    [{ pool, schema: 7 }, SCHEMA_MESSAGE],
    [{ pool, schema: 'a"b' }, SCHEMA_MESSAGE],
    [{ pool, schema: 'pg_tokens' }, SCHEMA_MESSAGE],
    [{ pool, schema: 'x'.repeat(64) }, SCHEMA_MESSAGE],
    [{ pool, shcema: 'tokens' }, 'there is no "shcema": it takes pool, schema']
  ]
  for (const [options, message] of wrong) {
    t.throws(() => new PostgresStore(options as PostgresStoreOptions), new TypeError(`PostgresStore: ${message}`))
  }
  t.doesNotThrow(() => new PostgresStore({ pool, schema: undefined }).close())
  t.doesNotThrow(() => new PostgresStore({ pool, schema: 'x'.repeat(63) }).close())
})

const postgres = await startPostgres(t)

if (postgres !== undefined) {
  t.test('a server on the pool of @fastify/postgres: issue, refresh, reuse', async (t) => {
    const fastify = Fastify()
    t.teardown(() => fastify.close())
    await fastify.register(fastifyPostgres, { connectionString: postgres.url })
    const store = new PostgresStore({ pool: fastify.pg.pool })
    await store.migrate()
    await fastify.register(oauthTelemetry, { ...OPTIONS, store })
    fastify.get('/orders', { onRequest: fastify.oauth.require('orders:read') }, async () => [])

    const { access_token, refresh_token = '' } = await fastify.oauth.issue({
      clientId: 'web',
      subject: 'alice',
      refreshable: true
    })
    t.equal((await callOrders(fastify, access_token)).statusCode, 200)
    t.equal((await refresh(fastify, refresh_token)).statusCode, 200)
    t.equal((await refresh(fastify, refresh_token)).json().error, 'invalid_grant', 'a reuse')
    t.equal((await callOrders(fastify, access_token)).statusCode, 401, 'ends all')
  })

  t.test('two schemas of one database have nothing in common', async (t) => {
    const pool = postgres.createPool()
    const [one, two] = [new PostgresStore({ pool, schema: 'Select' }), new PostgresStore({ pool, schema: 'two' })]
    await Promise.all([one.migrate(), two.migrate()])
    const token = refreshToken()
    await one.insert([token])
    await two.revoke({ clientId: 'web' }, NOW + 1, 'admin')
    t.strictSame(await one.find(token.id), token)
    t.equal(await two.find(token.id), undefined)
    t.equal((await rotate(one, token, NOW + 2)).rotation.won, true)
    await Promise.all([one.close(), two.close()])
  })

  t.test('close leaves the pool as it was', async (t) => {
    const pool = postgres.createPool()
    const before = pool.listenerCount('error')
    const store = new PostgresStore({ pool })
    await store.migrate()
    await store.close()
    t.equal(pool.listenerCount('error'), before)
    const other = new PostgresStore({ pool })
    await store.close()
    t.equal(pool.listenerCount('error'), before + 1, 'closed once more, it takes nothing from another store')
    await other.close()
    t.strictSame((await pool.query('select 1 as one')).rows, [{ one: 1 }])
  })

  t.test('what a program or a role has set for itself changes nothing', async (t) => {
    const types = [20, 114, 701, 1009, 1700, 3802]
    const parsers = types.map((type) => [type, pg.types.getTypeParser(type)] as const)
    t.teardown(() => {
      for (const [type, parser] of parsers) pg.types.setTypeParser(type, parser)
    })
    for (const type of types) pg.types.setTypeParser(type, () => 'parsed')
    const pool = postgres.createPool({ options: '-c extra_float_digits=-10 -c search_path=nowhere' })
    const store = new PostgresStore({ pool, schema: 'typed' })
    t.teardown(() => store.close())
    await store.migrate()
    const token = accessToken({ clientId: 'typed', issuedAt: NOW + 0.1 })
    t.equal(await store.insert([token]), true)
    t.strictSame(await store.find(token.id), token)
    t.strictSame(sorted(await store.countLive(NOW)), ['typed access 1'])
  })

  t.test('any string may be kept: U+0000, half a surrogate pair, what looks like an escape, thousands', async (t) => {
    const store = new PostgresStore({ pool: postgres.createPool(), schema: 'odd' })
    t.teardown(() => store.close())
    await store.migrate()
    const odd = ['a\0b', '\\', '\\\\u0000', '\\u0000', 'a\ud800b', '\udfff\ud800', '😀', '"\n\t\u0001\u007f', '\\n']
    const long = randomBytes(20_000).toString('base64')
    for (const subject of [...odd, long]) {
      const token = refreshToken({ subject, scope: odd, audience: subject, clientId: 'odd', trace: subject })
      t.equal(await store.insert([token]), true)
      t.strictSame(await store.find(token.id), token)
      t.strictSame(await store.revoke({ subject }, NOW + 1, 'admin'), [{ clientId: 'odd', type: 'refresh', count: 1 }])
      t.equal(await store.insert([refreshToken({ subject, clientId: 'odd' })]), false)
      t.equal(await store.keep(subject.slice(0, 9), subject), subject)
    }
    t.equal(await store.find('\0'), undefined)
    t.strictSame(await store.revoke({ subject: 'a\ud801b' }, NOW + 1, 'admin'), [])
  })
}
