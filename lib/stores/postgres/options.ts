import type { PostgresPool } from './database.ts'

export interface PostgresStoreOptions {
  /**
   * The pool whose connections are used: `new pg.Pool(…)`, or `fastify.pg.pool` of @fastify/postgres. It stays the
   * caller's, who gives it a `connectionTimeoutMillis` and ends it.
   */
  readonly pool: PostgresPool
  /**
   * The schema that holds the store's tables and nothing else, made by `migrate`: a letter or an underscore, then
   * letters, digits and underscores, 63 at most.
   *
   * @default 'fastify_oauth'
   */
  readonly schema?: string | undefined
}

const NAMES = ['pool', 'schema']

/** A name that needs no care in quotes, and that PostgreSQL neither cuts nor keeps for itself. */
const SCHEMA = /^(?!pg_)[A-Za-z_][A-Za-z0-9_]{0,62}$/

/** @throws TypeError with the message unless the condition holds */
function ensure(condition: boolean, message: string): asserts condition {
  if (!condition) throw new TypeError(`PostgresStore: ${message}`)
}

/** The options, with defaults. */
export function checked(options: PostgresStoreOptions): { readonly pool: PostgresPool; readonly schema: string } {
  ensure(typeof options === 'object' && options !== null, 'it takes an object, for example { pool: new pg.Pool() }')
  for (const name of Object.keys(options)) {
    ensure(NAMES.includes(name), `there is no "${name}": it takes ${NAMES.join(', ')}`)
  }
  const { pool, schema = 'fastify_oauth' } = options
  ensure(
    typeof pool?.query === 'function' && typeof pool.on === 'function' && typeof pool.removeListener === 'function',
    "pool must be a pool of 'pg', for example new pg.Pool({ connectionString })"
  )
  ensure(
    typeof schema === 'string' && SCHEMA.test(schema),
    "schema must be a name of letters, digits and underscores, 63 at most, for example 'fastify_oauth'"
  )
  return { pool, schema }
}
