import t from 'tap'
import { PostgresStore } from '../../lib/stores/postgres.ts'
import { startPostgres } from '../support/postgres.ts'
import { testStore } from './conformance.ts'

const postgres = await startPostgres(t)
if (postgres !== undefined) {
  const pool = postgres.createPool()
  let stores = 0
  await testStore(t, 'PostgresStore', async () => {
    stores += 1
    const store = new PostgresStore({ pool, schema: `store_${stores}` })
    await store.migrate()
    return store
  })
}
