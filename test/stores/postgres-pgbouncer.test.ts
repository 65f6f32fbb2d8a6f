import t from 'tap'
import { PostgresStore } from '../../lib/stores/postgres.ts'
import { startPgBouncer } from '../support/pgbouncer.ts'
import { startPostgres } from '../support/postgres.ts'
import { testStore } from './conformance.ts'

const postgres = await startPostgres(t)
const pool = postgres && (await startPgBouncer(t, postgres))

if (pool !== undefined) {
  t.test('the connections of the pool are handed around among fewer of the server', async (t) => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => pool.query<{ pid: number }>('select pg_backend_pid() as pid, pg_sleep(0.05)'))
    )
    t.equal(pool.totalCount, 10)
    t.equal(new Set(answers.map(({ rows }) => rows[0]?.pid)).size, 3)
  })

  let stores = 0
  await testStore(t, 'PostgresStore behind PgBouncer in transaction mode', async () => {
    stores += 1
    const store = new PostgresStore({ pool, schema: `store_${stores}` })
    await store.migrate()
    return store
  })
}
