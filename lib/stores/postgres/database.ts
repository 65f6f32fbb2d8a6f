import { failure, isMissing, isTransient, migrationFailure } from './failures.ts'
import { fromJson, toJson } from './json.ts'
import { migrationOf, VERSION, versionOf } from './migration.ts'

/** What is used of a pool of `pg`. */
export interface PostgresPool {
  query(text: string, values?: string[]): Promise<{ readonly rows: readonly { readonly answer: string }[] }>
  on(event: 'error', listener: () => void): unknown
  removeListener(event: 'error', listener: () => void): unknown
}

/** How often a verb is tried that met a deadlock with a transaction of somebody else. */
const ATTEMPTS = 3

/**
 * The schema of a store, seen through a pool. Statements are neither named nor prepared and hold nothing of their
 * session, so that PgBouncer may give each to another connection.
 */
export class Database {
  readonly #pool: PostgresPool
  readonly #schema: string
  /** An idle connection that ends is replaced when one is needed; a pool that nobody listens to would end the process. */
  readonly #ignore = () => {}

  /** @param schema an identifier without a quote */
  constructor(pool: PostgresPool, schema: string) {
    this.#pool = pool
    this.#schema = `"${schema}"`
    pool.on('error', this.#ignore)
  }

  async migrate(): Promise<void> {
    try {
      await this.#pool.query(migrationOf(this.#schema))
    } catch (error) {
      throw failure(error)
    }
  }

  /** One verb: one function of the schema, in one round trip. */
  async call(verb: string, argument: object): Promise<unknown> {
    const text = `select ${this.#schema}.${verb}($1)::text as answer`
    const values = [toJson(argument)]
    for (let attempt = 1; ; attempt += 1) {
      try {
        const { rows } = await this.#pool.query(text, values)
        return fromJson(rows.map(({ answer }) => answer).join())
      } catch (error) {
        if (isMissing(error)) throw await this.#explainMissing(error)
        if (!isTransient(error) || attempt === ATTEMPTS) throw failure(error)
      }
    }
  }

  /** Lets go of the pool, which stays open: who made it ends it, and listens to its errors until then. */
  close(): void {
    this.#pool.removeListener('error', this.#ignore)
  }

  async #explainMissing(error: unknown): Promise<Error> {
    try {
      const { rows } = await this.#pool.query(versionOf(this.#schema))
      return migrationFailure(
        error,
        rows.some(({ answer }) => Number(answer) > VERSION)
      )
    } catch {
      return migrationFailure(error, false)
    }
  }
}
