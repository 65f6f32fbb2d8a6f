import type { PoolConfig } from 'pg'
import t, { type Test } from 'tap'
import { PostgresStore } from '../../lib/stores/postgres.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import { startProxy } from '../support/postgres-proxy.ts'
import { buildServer, refresh } from '../support/server.ts'
import { accessToken, NOW, refreshToken, rotate, sorted } from './conformance/tokens.ts'

const postgres = await startPostgres(t)

/** More than a revocation ends in one transaction, and not a multiple of it. */
const MANY = 2_500

async function createStore(t: Test, { createPool }: Postgres, schema: string, config: PoolConfig = {}) {
  const pool = createPool(config)
  const store = new PostgresStore({ pool, schema })
  t.teardown(() => store.close())
  await store.migrate()
  return { pool, store }
}

/** Fills a store with tokens of one client and many subjects. */
async function fill(store: PostgresStore, count: number, expiresAt = NOW + 3600): Promise<void> {
  const tokens = Array.from({ length: count }, (_, index) => refreshToken({ subject: `user-${index}`, expiresAt }))
  for (let start = 0; start < count; start += 500) await store.insert(tokens.slice(start, start + 500))
}

if (postgres !== undefined) {
  t.test('each verb is one round trip', async (t) => {
    const proxy = await startProxy(t, postgres.port)
    const { store } = await createStore(t, postgres, 'trips', { port: proxy.port, max: 1 })
    const first = refreshToken()
    const other = refreshToken({ subject: 'bob', clientId: 'app' })
    const cost = async (verb: () => Promise<unknown>) => {
      const before = proxy.roundTrips()
      await verb()
      return proxy.roundTrips() - before
    }
    t.equal(await cost(() => store.insert([first, accessToken({ family: first.family })])), 1, 'insert')
    t.equal(await cost(() => store.insert([other])), 1, 'insert')
    t.equal(await cost(() => store.find(first.id)), 1, 'find')
    t.equal(await cost(() => store.find('nobody')), 1, 'find nothing')
    t.equal(await cost(() => rotate(store, first, NOW + 1)), 1, 'rotate')
    t.equal(await cost(() => rotate(store, first, NOW + 1)), 1, 'rotate in vain')
    t.equal(await cost(() => store.revoke({ id: other.id }, NOW + 2, 'logout')), 1, 'revoke a token')
    t.equal(await cost(() => store.revoke({ family: first.family }, NOW + 2, 'logout')), 1, 'revoke a family')
    t.equal(await cost(() => store.revoke({ subject: 'alice' }, NOW + 2, 'admin')), 1, 'revoke a subject')
    t.equal(await cost(() => store.revoke({ clientId: 'web' }, NOW + 2, 'admin')), 1, 'revoke a client')
    t.equal(await cost(() => store.countLive(NOW + 2)), 1, 'countLive')
    t.equal(await cost(() => store.prune(NOW + 2)), 1, 'prune')
    t.equal(await cost(() => store.keep('name', 'value')), 1, 'keep')
    t.equal(await cost(() => store.insert([])), 0, 'nothing to insert is nothing to ask')
  })

  t.test('to issue, to refresh, and to refuse a refresh is one round trip; to refresh for less is two', async (t) => {
    const proxy = await startProxy(t, postgres.port)
    const { store } = await createStore(t, postgres, 'endpoint', { port: proxy.port, max: 1 })
    const fastify = await buildServer(t, { store })
    const cost = async (work: () => Promise<unknown>) => {
      const before = proxy.roundTrips()
      await work()
      return proxy.roundTrips() - before
    }
    const issue = () => fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
    const { refresh_token: first = '' } = await issue()
    const { refresh_token: second = '' } = await issue()
    const spend = async (token: string, more?: Record<string, string>) =>
      t.equal((await refresh(fastify, token, more)).statusCode, 200)
    t.equal(await cost(issue), 1)
    t.equal(await cost(() => spend(first)), 1)
    t.equal(await cost(() => refresh(fastify, 'never-issued')), 1)
    t.equal(await cost(() => spend(second, { scope: 'orders:read' })), 2)
  })

  t.test('nothing walks through the tokens, even while plans are made for empty tables', async (t) => {
    const { pool, store } = await createStore(t, postgres, 'plans', { max: 1 })
    const use = async (at: number) => {
      const token = refreshToken({ subject: 'alice', clientId: 'app', issuedAt: at })
      await store.insert([token, accessToken({ family: token.family, clientId: 'app', issuedAt: at })])
      const { refresh } = await rotate(store, token, at)
      await store.find(token.id)
      await store.revoke({ id: refresh.id }, at, 'logout')
      for (const owner of [{ family: token.family }, { subject: 'alice' }, { clientId: 'app' }]) {
        await store.revoke(owner, at, 'admin')
      }
      await store.countLive(at)
      await store.prune(at)
    }
    /** How many rows the only session has read since it last told the others. */
    const read = async (): Promise<number> => {
      const { rows } = await pool.query<{ read: string }>(
        "select sum(seq_tup_read + idx_tup_fetch) as read from pg_stat_xact_user_tables where schemaname = 'plans'"
      )
      return Number(rows[0]?.read)
    }
    for (let turn = 0; turn < 10; turn += 1) await use(NOW)
    await fill(store, MANY)
    await pool.query('begin')
    const before = await read()
    await use(NOW + 1)
    const visited = (await read()) - before
    await pool.query('commit')
    t.ok(visited > 10 && visited < 100, `${visited} rows are read where there are ${MANY}`)
  })

  t.test('a revocation of thousands ends them by the thousand, and counts them all', async (t) => {
    const proxy = await startProxy(t, postgres.port)
    const { store } = await createStore(t, postgres, 'thousands', { port: proxy.port, max: 1 })
    await fill(store, MANY)
    await store.insert([refreshToken({ clientId: 'app' })])
    const before = proxy.roundTrips()
    t.strictSame(await store.revoke({ clientId: 'web' }, NOW + 1, 'admin'), [
      { clientId: 'web', type: 'refresh', count: MANY }
    ])
    t.equal(proxy.roundTrips() - before, 3)
    t.strictSame(sorted(await store.countLive(NOW + 1)), ['app refresh 1'])
    t.equal(await store.insert([refreshToken()]), false, 'and what was being minted meanwhile never lives')
  })

  t.test('tokens rotated and issued while thousands are revoked are dead when it is done', async (t) => {
    const { store } = await createStore(t, postgres, 'meanwhile')
    await fill(store, MANY)
    const families = Array.from({ length: 20 }, (_, index) => refreshToken({ subject: `busy-${index}` }))
    await Promise.all(families.map((token) => store.insert([token])))
    let isRevoked = false
    let won = 0
    const busy = families.map(async (family) => {
      let token = family
      while (!isRevoked) {
        const { rotation, refresh } = await rotate(store, token, NOW + 0.5)
        if (!rotation.won) return
        won += 1
        token = refresh
        await store.insert([accessToken({ family: family.family, issuedAt: NOW + 0.5 })])
      }
    })
    const counts = await store.revoke({ clientId: 'web' }, NOW + 1, 'admin')
    isRevoked = true
    await Promise.all(busy)
    t.strictSame(sorted(await store.countLive(NOW + 1)), [])
    t.ok(won > 0, `${won} rotations were in time`)
    t.equal(
      counts.reduce((sum, { count }) => sum + count, 0) - MANY >= families.length,
      true,
      'their successors are among those that were counted'
    )
  })

  t.test('pruning thousands counts each once, whoever prunes beside', async (t) => {
    const { pool, store } = await createStore(t, postgres, 'pruned')
    await fill(store, MANY, NOW + 10)
    await fill(store, 3, NOW + 20)
    const other = new PostgresStore({ pool, schema: 'pruned' })
    t.teardown(() => other.close())
    const counts = await Promise.all([store, other, store, other].map((replica) => replica.prune(NOW + 10)))
    t.equal(
      counts.flat().reduce((sum, { count }) => sum + count, 0),
      MANY
    )
    t.strictSame(sorted(await store.countLive(NOW + 10)), ['web refresh 3'])
    const { rows } = await pool.query<{ left: string }>('select count(*) as left from pruned.tokens')
    t.equal(rows[0]?.left, '3')
  })

  t.test('pruning waits for no token that somebody else has locked', async (t) => {
    const { pool, store } = await createStore(t, postgres, 'unwaited')
    const [locked, free] = [1, 2].map((seconds) => refreshToken({ expiresAt: NOW + seconds }))
    for (const token of [locked, free]) if (token !== undefined) await store.insert([token])
    const other = await pool.connect()
    await other.query('begin')
    await other.query('select from unwaited.tokens where id = $1 for update', [locked?.id])
    t.strictSame(sorted(await store.prune(NOW + 2)), ['web refresh 1'])
    await other.query('commit')
    other.release()
    t.strictSame(sorted(await store.prune(NOW + 2)), ['web refresh 1'])
  })

  t.test('a pruning that fails later rejects; what it forgot until then is told by the next, once', async (t) => {
    const { pool, store } = await createStore(t, postgres, 'poisoned')
    await fill(store, 1_000, NOW + 10)
    await store.insert([refreshToken({ clientId: 'poison', expiresAt: NOW + 11 })])
    await pool.query(`
      create function poisoned.refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$;
      create trigger poison before delete on poisoned.tokens for each row when (old.client_id = 'poison')
        execute function poisoned.refuse()`)
    await t.rejects(store.prune(NOW + 11), { message: 'PostgresStore: PostgreSQL failed with P0001, see the cause' })
    await pool.query('drop trigger poison on poisoned.tokens')
    t.strictSame(sorted(await store.prune(NOW + 11)), ['poison refresh 1', 'web refresh 1000'])
    t.strictSame(await store.prune(NOW + 11), [])
    t.strictSame(sorted(await store.countLive(NOW + 11)), [])
  })
}
