import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Spending, StoredToken } from '../../oauth/tokens/token.ts'
import type { Clients } from './clients.ts'
import { idKey, textKey } from './keys.ts'
import { type EndingRow, FIND_ENDING, FIND_TOKEN, type TokenRow, toToken, typeOf } from './rows.ts'

/** What it takes to end a live token. */
export interface Live {
  readonly row: number
  readonly client: number
  readonly refresh: 0 | 1
}

/** A token as it stands, and what it takes to end it. */
export interface Found extends Live {
  readonly token: StoredToken
}

/** A token that is no more. */
export interface Forgotten extends Live {
  readonly ended: 0 | 1
}

/** Tokens and their endings, one by one; all that writes runs in a transaction. */
export class Tokens {
  readonly #clients: Clients
  readonly #find: StatementSync
  readonly #findEnding: StatementSync
  readonly #insert: StatementSync
  readonly #markEnded: StatementSync
  readonly #insertEnding: StatementSync
  readonly #isDue: StatementSync
  readonly #deleteDue: StatementSync
  readonly #deleteEnding: StatementSync

  constructor(database: DatabaseSync, clients: Clients) {
    this.#clients = clients
    this.#find = database.prepare(FIND_TOKEN)
    this.#find.setReturnArrays(true)
    this.#findEnding = database.prepare(FIND_ENDING)
    this.#findEnding.setReturnArrays(true)
    this.#insert = database.prepare(`
      INSERT INTO token (
        id_key, id, refresh, ended, client, family_key, family, subject_key, subject, scope, audience, issued_at,
        expires_at, family_expires_at, trace
      ) VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
    this.#markEnded = database.prepare('UPDATE token SET ended = 1 WHERE row = ?')
    this.#insertEnding = database.prepare(
      'INSERT INTO ending (token, at, successor, trace, receipt) VALUES (?, ?, ?, ?, ?)'
    )
    this.#isDue = database.prepare('SELECT 1 FROM token INDEXED BY token_by_expiry WHERE expires_at <= ? LIMIT 1')
    this.#deleteDue = database.prepare(`
      DELETE FROM token WHERE row IN (
        SELECT row FROM token INDEXED BY token_by_expiry WHERE expires_at <= ? ORDER BY expires_at LIMIT ?
      ) RETURNING row, client, refresh, ended`)
    this.#deleteEnding = database.prepare('DELETE FROM ending WHERE token = ?')
  }

  find(id: string): Found | undefined {
    const found = this.#find.get(idKey(id), id) as unknown as TokenRow | undefined
    if (found === undefined) return undefined
    const [row, client, refresh, ended] = found
    const ending = ended === 1 ? (this.#findEnding.get(row) as unknown as EndingRow | undefined) : undefined
    // Between the two looks another process may have forgotten it.
    if (ended === 1 && ending === undefined) return undefined
    return { row, client, refresh, token: toToken(id, this.#clients.nameOf(client), found, ending) }
  }

  add(token: StoredToken): void {
    const { id, type, family, clientId, subject, scope, audience, issuedAt, expiresAt, familyExpiresAt, trace } = token
    const client = this.#clients.numberOf(clientId)
    const namesFamily = family === id
    this.#insert.run(
      idKey(id),
      id,
      type === 'refresh' ? 1 : 0,
      client,
      namesFamily ? null : idKey(family),
      namesFamily ? null : family,
      subject === undefined ? null : textKey(subject),
      subject ?? null,
      scope.join(' '),
      audience,
      issuedAt,
      expiresAt,
      familyExpiresAt,
      trace ?? null
    )
    this.#clients.add(client, type, 1)
  }

  spend(live: Live, { at, successor, trace, receipt }: Spending): void {
    this.#end(live, at, successor, trace ?? null, receipt ?? null)
  }

  revoke(live: Live, at: number): void {
    this.#end(live, at, null, null, null)
  }

  /** Whether there is anything to forget. */
  isDue(at: number): boolean {
    return this.#isDue.get(at) !== undefined
  }

  /** Forgets up to so many tokens that have expired, and returns them. */
  forget(at: number, most: number): readonly Forgotten[] {
    const forgotten = this.#deleteDue.all(at, most) as unknown as readonly Forgotten[]
    for (const token of forgotten) {
      if (token.ended === 1) this.#deleteEnding.run(token.row)
      else this.#clients.add(token.client, typeOf(token.refresh), -1)
    }
    return forgotten
  }

  #end(
    { row, client, refresh }: Live,
    at: number,
    successor: string | null,
    trace: string | null,
    receipt: string | null
  ): void {
    this.#markEnded.run(row)
    this.#clients.add(client, typeOf(refresh), -1)
    this.#insertEnding.run(row, at, successor, trace, receipt)
  }
}
