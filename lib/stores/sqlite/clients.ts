import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { TokenType } from '../../oauth/tokens/token.ts'
import type { Participant } from './group-commit.ts'

/** The clients that have had tokens, by a number, and how many of each one's tokens are live. */
export class Clients implements Participant {
  readonly #find: StatementSync
  readonly #name: StatementSync
  readonly #add: StatementSync
  readonly #count: StatementSync
  /** Clients are never forgotten, so that what has been committed stays true. */
  readonly #numbers = new Map<string, number>()
  readonly #names = new Map<number, string>()
  readonly #changes = new Map<number, Record<TokenType, number>>()

  constructor(database: DatabaseSync) {
    this.#find = database.prepare('SELECT id FROM client WHERE name = ?')
    this.#name = database.prepare('SELECT name FROM client WHERE id = ?')
    this.#add = database.prepare('INSERT INTO client (name) VALUES (?)')
    this.#count = database.prepare('UPDATE client SET access = access + ?, refresh = refresh + ? WHERE id = ?')
  }

  /** The client's number; `undefined` for one that never had a token. */
  find(name: string): number | undefined {
    const known = this.#numbers.get(name) ?? this.#find.get(name)?.id
    return known === undefined ? undefined : this.#know(name, Number(known))
  }

  /** The client's number, which it gets with its first token. */
  numberOf(name: string): number {
    return this.find(name) ?? this.#know(name, Number(this.#add.run(name).lastInsertRowid))
  }

  nameOf(client: number): string {
    const name = this.#names.get(client) ?? String(this.#name.get(client)?.name)
    this.#know(name, client)
    return name
  }

  /** So many more live tokens, or fewer. */
  add(client: number, type: TokenType, count: number): void {
    let change = this.#changes.get(client)
    if (change === undefined) {
      change = { access: 0, refresh: 0 }
      this.#changes.set(client, change)
    }
    change[type] += count
  }

  settle(): void {
    for (const [client, { access, refresh }] of this.#changes) this.#count.run(access, refresh, client)
  }

  over(committed: boolean): void {
    this.#changes.clear()
    if (committed) return
    this.#numbers.clear()
    this.#names.clear()
  }

  #know(name: string, client: number): number {
    this.#numbers.set(name, client)
    this.#names.set(client, name)
    return client
  }
}
