import { setTimeout as sleep } from 'node:timers/promises'
import type { PoolConfig } from 'pg'
import t, { type Test } from 'tap'
import { PostgresStore } from '../../lib/stores/postgres.ts'
import { startPostgres } from '../support/postgres.ts'
import { freePort } from '../support/programs.ts'
import { NOW, refreshToken, rotate, sorted } from './conformance/tokens.ts'

const postgres = await startPostgres(t, { settings: { deadlock_timeout: '200ms' } })

if (postgres !== undefined) {
  const open = (t: Test, config: PoolConfig = {}) => {
    const store = new PostgresStore({ pool: postgres.createPool(config), schema: 'failures' })
    t.teardown(() => store.close())
    return store
  }
  await open(t).migrate()

  t.test('what is wrong with the connection is said, and nothing secret', async (t) => {
    const REFUSED = 'PostgreSQL refuses the user of the pool: check its user and password, and pg_hba.conf'
    const wrong: Record<string, [PoolConfig, string, string | undefined]> = {
      'a wrong password': [{ password: 'wrong-secret' }, REFUSED, '28P01'],
      'an unknown user': [{ user: 'nobody' }, REFUSED, '28P01'],
      'an unknown database': [
        { database: 'nowhere' },
        'the database of the pool does not exist: create it with `createdb`',
        '3D000'
      ],
      'nobody there': [
        { port: await freePort() },
        'PostgreSQL cannot be reached: is it running, and are host and port of the pool right?',
        'ECONNREFUSED'
      ],
      'no password at all': [
        { password: undefined },
        'the connection to PostgreSQL was lost, or none could be had in time',
        undefined
      ],
      'a standby': [
        { options: '-c default_transaction_read_only=on' },
        'the server is a standby, which takes no writes: the pool must connect to the primary',
        '25006'
      ],
      'another isolation level': [
        { options: '-c default_transaction_isolation=serializable' },
        "set default_transaction_isolation of the role of the pool to 'read committed', its default",
        'FO002'
      ]
    }
    for (const [name, [config, message, code]] of Object.entries(wrong)) {
      const store = open(t, config)
      const error: unknown = await store.insert([refreshToken()]).catch((error: unknown) => error)
      t.match(error, { message: `PostgresStore: ${message}` }, name)
      t.equal((error as Error & { cause: { code?: string } }).cause.code, code)
      t.notMatch(String(error), /secret|test|postgres:\/\//)
    }
  })

  t.test('a lock that is never let go of: the verb gives up, and has changed nothing', async (t) => {
    const store = open(t)
    const token = refreshToken({ clientId: 'locked' })
    await store.insert([token])
    const other = await postgres.createPool().connect()
    t.teardown(() => other.release(true))
    await other.query('begin')
    await other.query('select from failures.tokens where id = $1 for update', [token.id])
    await t.rejects(rotate(store, token, NOW), {
      message: 'PostgresStore: another transaction has held a lock for more than 3s',
      cause: { code: '55P03' }
    })
    await other.query('rollback')
    t.strictSame(await store.find(token.id), token)
    t.equal((await rotate(store, token, NOW)).rotation.won, true)
  })

  t.test('a deadlock with a transaction of somebody else: the verb is tried again', async (t) => {
    const store = open(t)
    const tokens = [1, 2].map(() => refreshToken({ clientId: 'deadlocked' }))
    for (const token of tokens) await store.insert([token])
    const [first, second] = tokens.map(({ id }) => id).sort()
    const pool = postgres.createPool()
    const other = await pool.connect()
    t.teardown(() => other.release(true))
    const lock = 'select from failures.tokens where id = $1 for update'
    await other.query('begin; set local deadlock_timeout = 60000')
    await other.query(lock, [second])
    const revoked = store.revoke({ clientId: 'deadlocked' }, NOW + 1, 'admin')
    const isWaiting = async () => {
      const { rows } = await pool.query("select from pg_stat_activity where wait_event = 'transactionid'")
      return rows.length > 0
    }
    while (!(await isWaiting())) await sleep(5)
    await other.query(lock, [first])
    await other.query('commit')
    t.strictSame(await revoked, [{ clientId: 'deadlocked', type: 'refresh', count: 2 }])
    t.strictSame(
      sorted(await store.countLive(NOW + 1)).filter((count) => count.startsWith('deadlocked')),
      []
    )
  })
}
