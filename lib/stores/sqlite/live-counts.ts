import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { TokenCount } from '../../oauth/tokens/token.ts'
import { TokenCounts } from '../token-counts.ts'
import { typeOf } from './rows.ts'

interface ClientRow {
  readonly name: string
  readonly access: number
  readonly refresh: number
}

interface ExpiredRow {
  readonly row: number
  readonly expiresAt: number
  readonly name: string
  readonly refresh: 0 | 1
}

/** So many expired tokens are looked at before others have their turn. */
const PART = 1000

/**
 * Reads how many tokens are live: the numbers that are kept by client, less what has expired and is not yet pruned. It
 * sees one state of the database however long it takes, on a connection of its own.
 */
export class LiveCounts {
  readonly #database: DatabaseSync
  readonly #clients: StatementSync
  readonly #expired: StatementSync
  /** Ends when all that have been asked for have been read: one after the other. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(database: DatabaseSync) {
    this.#database = database
    this.#clients = database.prepare('SELECT name, access, refresh FROM client')
    this.#expired = database.prepare(`
      SELECT token.row, expires_at AS expiresAt, client.name, token.refresh
      FROM token INDEXED BY token_by_expiry JOIN client ON client.id = token.client
      WHERE expires_at <= ? AND (expires_at, row) > (?, ?) AND ended = 0 ORDER BY expires_at, row LIMIT ${PART}`)
  }

  read(at: number): Promise<readonly TokenCount[]> {
    const counts = this.#last.then(() => this.#read(at))
    this.#last = counts.catch(() => {})
    return counts
  }

  async close(): Promise<void> {
    await this.#last
    this.#database.close()
  }

  async #read(at: number): Promise<readonly TokenCount[]> {
    this.#database.exec('BEGIN')
    try {
      const counts = new TokenCounts()
      for (const { name, access, refresh } of this.#clients.all() as unknown as readonly ClientRow[]) {
        counts.add(name, 'access', access)
        counts.add(name, 'refresh', refresh)
      }
      for await (const { name, refresh } of this.#expiredBy(at)) counts.add(name, typeOf(refresh), -1)
      return counts.all()
    } finally {
      // SQLite itself rolls back after some errors.
      if (this.#database.isTransaction) this.#database.exec('COMMIT')
    }
  }

  async *#expiredBy(at: number): AsyncGenerator<ExpiredRow> {
    let [second, row] = [0, 0]
    for (;;) {
      const part = this.#expired.all(at, second, row) as unknown as readonly ExpiredRow[]
      yield* part
      const last = part.at(-1)
      if (last === undefined || part.length < PART) return
      second = last.expiresAt
      row = last.row
      await nextTurn()
    }
  }
}
