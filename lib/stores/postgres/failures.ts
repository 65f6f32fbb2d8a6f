import { NEWER_SCHEMA, WRONG_ENCODING } from './migration.ts'
import { WRONG_ISOLATION } from './parts.ts'
import { LOCK_TIMEOUT } from './verbs.ts'

const UNREACHABLE = 'PostgreSQL cannot be reached: is it running, and are host and port of the pool right?'
const REFUSED = 'PostgreSQL refuses the user of the pool: check its user and password, and pg_hba.conf'

/** What is wrong and what to do, by the code of the error: SQLSTATE, or Node's. */
const REMEDIES: Readonly<Record<string, string>> = {
  ECONNREFUSED: UNREACHABLE,
  ECONNRESET: UNREACHABLE,
  EHOSTUNREACH: UNREACHABLE,
  ENOTFOUND: UNREACHABLE,
  ETIMEDOUT: UNREACHABLE,
  '25006': 'the server is a standby, which takes no writes: the pool must connect to the primary',
  '28000': REFUSED,
  '28P01': REFUSED,
  '3D000': 'the database of the pool does not exist: create it with `createdb`',
  '42501':
    'the role of the pool may not do that: let it own the schema, or grant it usage of the schema ' +
    'and select, insert, update and delete of its tables',
  '53300': 'PostgreSQL has no connection to spare: lower `max` of the pool, or raise max_connections',
  '55P03': `another transaction has held a lock for more than ${LOCK_TIMEOUT}`,
  '57P01': 'PostgreSQL is shutting down',
  '57P02': 'PostgreSQL is restarting after a crash',
  '57P03': 'PostgreSQL is starting',
  [WRONG_ISOLATION]: "set default_transaction_isolation of the role of the pool to 'read committed', its default",
  [WRONG_ENCODING]:
    'the database cannot keep every string: create one with `createdb --encoding=UTF8 --template=template0`',
  [NEWER_SCHEMA]: 'the schema was made by a later version of fastify-oauth-telemetry: install that version here too'
}

/** A schema, a table or a function is not there. */
const MISSING = ['3F000', '42P01', '42883']

/** A serialization failure, or a deadlock with a transaction that is not ours: it may succeed when done again. */
const TRANSIENT = ['40001', '40P01']

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

export function isMissing(error: unknown): boolean {
  return MISSING.includes(codeOf(error) ?? '')
}

export function isTransient(error: unknown): boolean {
  return TRANSIENT.includes(codeOf(error) ?? '')
}

/** The error of a store, which says what to do, and nothing of what it was called with. */
export function failure(cause: unknown, remedy = remedyOf(cause)): Error {
  return new Error(`PostgresStore: ${remedy}`, { cause })
}

/** What it means that something is missing in a schema of another version than ours. */
export function migrationFailure(cause: unknown, isNewer: boolean): Error {
  const remedy = isNewer ? REMEDIES[NEWER_SCHEMA] : 'its tables are missing or old: call `await store.migrate()` first'
  return failure(cause, remedy)
}

function remedyOf(cause: unknown): string {
  const code = codeOf(cause)
  if (code === undefined) return 'the connection to PostgreSQL was lost, or none could be had in time'
  return REMEDIES[code] ?? `PostgreSQL failed with ${code}, see the cause`
}
