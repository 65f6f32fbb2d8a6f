import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { StoredToken } from '../../oauth/tokens/token.ts'
import type { Participant } from './group-commit.ts'

/** A revocation that takes several transactions. */
export interface Walk {
  readonly id: number
  readonly kind: string
  readonly name: string
  /** The last row that has been visited, and the last there was when the revocation began. */
  readonly after: number
  readonly upto: number
}

/** Revocations that are under way: what they have yet to reach can no longer be spent. */
export class Walks implements Participant {
  readonly #any: StatementSync
  readonly #begin: StatementSync
  readonly #end: StatementSync
  readonly #reaching: StatementSync
  readonly #abandoned: StatementSync
  /** Whether there are any, for as long as a transaction lasts. */
  #exist: boolean | undefined

  constructor(database: DatabaseSync) {
    this.#any = database.prepare('SELECT 1 FROM walk LIMIT 1')
    this.#begin = database.prepare(`
      INSERT INTO walk (kind, name, at, upto) SELECT ?, ?, ?, seq FROM sqlite_sequence WHERE name = 'token'
      RETURNING rowid AS id, upto`)
    // Two may have gone on with one walk, and an id is used again.
    this.#end = database.prepare('DELETE FROM walk WHERE rowid = ? AND (kind, name, upto) = (?, ?, ?)')
    this.#reaching = database.prepare(`
      SELECT at FROM walk WHERE upto >= ?
      AND (kind, name) IN (VALUES ('family', ?), ('clientId', ?), ('subject', ?)) ORDER BY at LIMIT 1`)
    this.#abandoned = database.prepare('SELECT rowid AS id, kind, name, upto FROM walk WHERE at < ? LIMIT 1')
  }

  begin(kind: string, name: string, at: number, after: number): Walk {
    this.#exist = true
    const walk = this.#begin.get(kind, name, at) as unknown as Pick<Walk, 'id' | 'upto'>
    return { ...walk, kind, name, after }
  }

  end({ id, kind, name, upto }: Walk): void {
    this.#end.run(id, kind, name, upto)
  }

  /** When the revocation began that will reach a live token; `undefined` when there is none. */
  reaching(row: number, { family, clientId, subject }: StoredToken): number | undefined {
    this.#exist ??= this.#any.get() !== undefined
    if (!this.#exist) return undefined
    const walk = this.#reaching.get(row, family, clientId, subject ?? null)
    return walk === undefined ? undefined : Number(walk.at)
  }

  /** One that began before a time, and has not come to its end. */
  abandoned(before: number): Walk | undefined {
    const walk = this.#abandoned.get(before) as unknown as Omit<Walk, 'after'> | undefined
    return walk && { ...walk, after: 0 }
  }

  settle(): void {}

  over(): void {
    this.#exist = undefined
  }
}
