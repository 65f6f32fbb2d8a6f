import type { FastifyBaseLogger } from 'fastify'
import pg from 'pg'
import { PostgresStore } from '../../lib/stores/postgres.ts'
import type { OpenedStore } from '../stores.ts'

/** For a connection to become free, or to be made. */
const CONNECT_MS = 2000
/** For the answer to a query; where it takes longer the connection is given up. */
const QUERY_MS = 5000

/** Connects, and makes or updates the tables. @throws Error when the server cannot be reached or refuses */
export async function openPostgres(connectionString: string, log: FastifyBaseLogger): Promise<OpenedStore> {
  const pool = new pg.Pool({
    connectionString,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: QUERY_MS,
    keepAlive: true
  })
  pool.on('error', (err) => log.warn({ err }, 'the connection to PostgreSQL failed'))
  const store = new PostgresStore({ pool })
  try {
    await store.migrate()
  } catch (error) {
    await pool.end()
    throw error
  }
  return { store, end: () => pool.end() }
}
