import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { StoredToken } from '../../oauth/tokens/token.ts'
import type { Participant } from './group-commit.ts'

/** Who was revoked lately, and when: tokens whose minting had begun before that never live. */
export class Marks implements Participant {
  readonly #any: StatementSync
  readonly #later: StatementSync
  readonly #mark: StatementSync
  readonly #isDue: StatementSync
  readonly #forget: StatementSync
  /** Whether there are any, for as long as a transaction lasts. */
  #exist: boolean | undefined

  constructor(database: DatabaseSync) {
    this.#any = database.prepare('SELECT 1 FROM mark LIMIT 1')
    this.#later = database.prepare(
      `SELECT 1 FROM mark WHERE (kind, name) IN (VALUES ('clientId', ?), ('subject', ?)) AND at > ?`
    )
    this.#mark = database.prepare(`
      INSERT INTO mark (kind, name, at) VALUES (?, ?, ?)
      ON CONFLICT (kind, name) DO UPDATE SET at = max(at, excluded.at)`)
    this.#isDue = database.prepare('SELECT 1 FROM mark WHERE at < ? LIMIT 1')
    this.#forget = database.prepare('DELETE FROM mark WHERE at < ?')
  }

  add(kind: string, name: string, at: number): void {
    this.#mark.run(kind, name, at)
    this.#exist = true
  }

  /** Whether the token's client or subject was revoked after its `issuedAt`. */
  catches({ clientId, subject, issuedAt }: StoredToken): boolean {
    this.#exist ??= this.#any.get() !== undefined
    return this.#exist && this.#later.get(clientId, subject ?? null, issuedAt) !== undefined
  }

  isDue(before: number): boolean {
    return this.#isDue.get(before) !== undefined
  }

  forget(before: number): void {
    this.#forget.run(before)
  }

  settle(): void {}

  over(): void {
    this.#exist = undefined
  }
}
