import t, { type Test } from 'tap'
import { PostgresStore } from '../../lib/stores/postgres.ts'
import { startPostgres } from '../support/postgres.ts'
import { NOW, refreshToken, succession } from './conformance/tokens.ts'

const postgres = await startPostgres(t)

const MIGRATE = 'PostgresStore: its tables are missing or old: call `await store.migrate()` first'
const NEWER =
  'PostgresStore: the schema was made by a later version of fastify-oauth-telemetry: install that version here too'

if (postgres !== undefined) {
  const pool = postgres.createPool()
  const open = (t: Test, schema: string) => {
    const store = new PostgresStore({ pool, schema })
    t.teardown(() => store.close())
    return store
  }

  t.test('without a migration every verb says what to do', async (t) => {
    const store = open(t, 'nothing')
    const verbs: Record<string, () => Promise<unknown>> = {
      insert: () => store.insert([refreshToken()]),
      find: () => store.find('id'),
      rotate: () => store.rotate('id', 'web', succession(refreshToken(), NOW)),
      revoke: () => store.revoke({ id: 'id' }, NOW, 'admin'),
      countLive: () => store.countLive(NOW),
      prune: () => store.prune(NOW),
      keep: () => store.keep('name', 'value')
    }
    for (const [verb, call] of Object.entries(verbs)) {
      await t.rejects(call(), { message: MIGRATE, cause: { code: '3F000' } }, verb)
    }
    await pool.query('create schema empty')
    await t.rejects(open(t, 'empty').find('id'), { message: MIGRATE, cause: { code: '42883' } }, 'an empty schema')
  })

  t.test('migrate: of many at once one does it, and the others find it done', async (t) => {
    const replicas = Array.from({ length: 8 }, () => open(t, 'replicas'))
    await Promise.all(replicas.map((store) => store.migrate()))
    const token = refreshToken()
    t.equal(await replicas[0]?.insert([token]), true)
    t.strictSame(await replicas[7]?.find(token.id), token)
    const { rows } = await pool.query('select version from replicas.schema_version')
    t.strictSame(rows, [{ version: 1 }])
  })

  t.test('migrate: once more it changes nothing', async (t) => {
    const store = open(t, 'again')
    await store.migrate()
    const token = refreshToken()
    await store.insert([token])
    const versions = () => pool.query('select xmin, version from again.schema_version')
    const { rows } = await versions()
    await store.migrate()
    t.strictSame((await versions()).rows, rows)
    t.strictSame(await store.find(token.id), token)
  })

  t.test('migrate: it is done or not begun', async (t) => {
    await pool.query('create schema taken; create table taken.revocations (other integer)')
    const store = open(t, 'taken')
    await t.rejects(store.migrate(), { message: 'PostgresStore: PostgreSQL failed with 42P07, see the cause' })
    await t.rejects(store.find('id'), { message: MIGRATE })
    const { rows } = await pool.query("select tablename from pg_tables where schemaname = 'taken'")
    t.strictSame(rows, [{ tablename: 'revocations' }], 'nothing half-made is left')
    await pool.query('drop table taken.revocations')
    await store.migrate()
    t.equal(await store.find('id'), undefined)
  })

  t.test('migrate: into a schema that somebody else has made', async (t) => {
    await pool.query('create schema given')
    await open(t, 'given').migrate()
    t.equal(await open(t, 'given').find('id'), undefined)
  })

  t.test('migrate: a database that cannot keep every string is refused', async (t) => {
    await pool.query("create database latin encoding 'LATIN1' template template0")
    const store = new PostgresStore({ pool: postgres.createPool({ database: 'latin' }) })
    t.teardown(() => store.close())
    await t.rejects(store.migrate(), {
      message:
        'PostgresStore: the database cannot keep every string: ' +
        'create one with `createdb --encoding=UTF8 --template=template0`',
      cause: { code: 'FO003' }
    })
  })

  t.test('a later version: migrate refuses, and verbs that it dropped say so', async (t) => {
    const store = open(t, 'later')
    await store.migrate()
    await pool.query('update later.schema_version set version = 2; drop function later.insert_tokens')
    await t.rejects(store.migrate(), { message: NEWER, cause: { code: 'FO001' } })
    await t.rejects(store.insert([refreshToken()]), { message: NEWER, cause: { code: '42883' } })
    t.equal(await store.find('id'), undefined, 'what it kept still works')
  })

  t.test('a role that may use the schema and not make it', async (t) => {
    await open(t, 'owned').migrate()
    await pool.query(`create role app login password 'app';
      grant usage on schema owned to app;
      grant select, insert, update, delete on all tables in schema owned to app`)
    const store = new PostgresStore({ pool: postgres.createPool({ user: 'app', password: 'app' }), schema: 'owned' })
    t.teardown(() => store.close())
    await store.migrate()
    const token = refreshToken()
    t.equal(await store.insert([token]), true)
    t.strictSame(await store.revoke({ clientId: 'web' }, NOW + 1, 'admin'), [
      { clientId: 'web', type: 'refresh', count: 1 }
    ])
    t.strictSame(await store.prune(NOW + 100_000), [])

    await pool.query('revoke delete on owned.tokens from app')
    await t.rejects(store.prune(NOW), {
      message:
        'PostgresStore: the role of the pool may not do that: let it own the schema, or grant it usage of the schema ' +
        'and select, insert, update and delete of its tables'
    })
  })
}
