import type { Rotation, Selector, TokenStore } from '../oauth/store/store.ts'
import type { Succession } from '../oauth/tokens/succession.ts'
import type { StoredToken, TokenCount } from '../oauth/tokens/token.ts'
import { Database } from './postgres/database.ts'
import { checked, type PostgresStoreOptions } from './postgres/options.ts'
import { type CountRow, type Row, toRow, toSuccessorRows, toToken } from './postgres/rows.ts'
import { TokenCounts } from './token-counts.ts'

export type { PostgresPool } from './postgres/database.ts'
export type { PostgresStoreOptions } from './postgres/options.ts'

/** How many tokens a revocation or a pruning ends in one transaction, which others may have to wait for. */
const BATCH = 1000

/** What `revoke_tokens` and `prune_tokens` answer. */
interface Batch {
  readonly counts: readonly CountRow[]
  /** Whether there is more to do. */
  readonly more: boolean
}

/**
 * Keeps tokens in PostgreSQL (12 or later): shared by any number of processes, and as durable as its transactions are.
 * What has been acknowledged survives `kill -9` and a loss of power, unless the server was told otherwise
 * (`synchronous_commit` or `fsync` off). A failover loses what had not reached the standby: with
 * `synchronous_standby_names` nothing. It asks the primary only, and its clock for nothing.
 *
 * Issuing, finding, refreshing and most revocations are one round trip and one transaction. The revocation of a
 * client or a subject with more than a thousand live tokens ends them by the thousand: from its first transaction none of
 * them can be refreshed, and none is alive when it resolves; if it rejects, some may be. Who logs in meanwhile stays.
 *
 * `migrate` must have been called once before the first use.
 */
export class PostgresStore implements TokenStore {
  readonly #database: Database

  /** What has been pruned and not told yet: where a batch fails, the next call tells it of those before. */
  readonly #pruned = new TokenCounts()

  /** @throws TypeError if an option is wrong */
  constructor(options: PostgresStoreOptions) {
    const { pool, schema } = checked(options)
    this.#database = new Database(pool, schema)
  }

  /**
   * Makes the schema with its tables and functions, or brings it to the version of this package; where that is done
   * it changes nothing. Any number of processes may call it at once. Rejects if a later version has been here.
   */
  migrate(): Promise<void> {
    return this.#database.migrate()
  }

  async insert(tokens: readonly StoredToken[]): Promise<boolean> {
    if (tokens.length === 0) return true
    const issuedAt = Math.min(...tokens.map((token) => token.issuedAt))
    return (await this.#database.call('insert_tokens', { tokens: tokens.map(toRow), issuedAt })) as boolean
  }

  async find(id: string): Promise<StoredToken | undefined> {
    const row = (await this.#database.call('find_token', { id })) as Row | null
    return row === null ? undefined : toToken(row)
  }

  async rotate(id: string, clientId: string, succession: Succession): Promise<Rotation> {
    const { at, trace, receipt } = succession
    const call = { id, clientId, at, trace, receipt, ...toSuccessorRows(succession) }
    const { won, token } = (await this.#database.call('rotate_token', call)) as { won: boolean; token: Row | null }
    return token === null ? { won: false, token: undefined } : { won, token: toToken(token) }
  }

  async revoke(selector: Selector, at: number, _reason: string): Promise<readonly TokenCount[]> {
    const revoked = new TokenCounts()
    for (let more = true, begins = true; more; begins = false) {
      const batch = await this.#batch('revoke_tokens', { ...named(selector), at, begins })
      addRows(revoked, batch.counts)
      more = batch.more
    }
    return revoked.positive()
  }

  async countLive(at: number): Promise<readonly TokenCount[]> {
    const live = new TokenCounts()
    addRows(live, (await this.#database.call('count_live', { at })) as CountRow[])
    return live.all()
  }

  async prune(at: number): Promise<readonly TokenCount[]> {
    for (let more = true; more; ) {
      const batch = await this.#batch('prune_tokens', { at })
      addRows(this.#pruned, batch.counts)
      more = batch.more
    }
    const pruned = this.#pruned.positive()
    this.#pruned.clear()
    return pruned
  }

  async keep(name: string, value: string): Promise<string> {
    return (await this.#database.call('keep_value', { name, value })) as string
  }

  /** Lets go of the pool, which stays open. */
  async close(): Promise<void> {
    this.#database.close()
  }

  async #batch(verb: string, call: object): Promise<Batch> {
    return (await this.#database.call(verb, { ...call, most: BATCH })) as Batch
  }
}

function addRows(counts: TokenCounts, rows: readonly CountRow[]): void {
  for (const { client_id: clientId, type, count } of rows) counts.add(clientId, type, count)
}

/** What a selector names. */
function named(selector: Selector): { kind: string; name: string } {
  if ('id' in selector) return { kind: 'id', name: selector.id }
  if ('family' in selector) return { kind: 'family', name: selector.family }
  if ('subject' in selector) return { kind: 'subject', name: selector.subject }
  return { kind: 'client', name: selector.clientId }
}
