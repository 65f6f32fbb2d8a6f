import type { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { LONGEST_MINTING, type Rotation, type Selector, type TokenStore } from '../oauth/store/store.ts'
import { mayRotate, type Succession, spendingOf, successorsOf } from '../oauth/tokens/succession.ts'
import { isLive, type StoredToken, type TokenCount } from '../oauth/tokens/token.ts'
import { Checkpoints } from './sqlite/checkpoints.ts'
import { Clients } from './sqlite/clients.ts'
import { explained } from './sqlite/errors.ts'
import { GroupCommit } from './sqlite/group-commit.ts'
import { GroupRead } from './sqlite/group-read.ts'
import { KeptFiles } from './sqlite/kept-files.ts'
import { LiveCounts } from './sqlite/live-counts.ts'
import { Marks } from './sqlite/marks.ts'
import { openDatabase } from './sqlite/open.ts'
import { checked, type SqliteStoreOptions } from './sqlite/options.ts'
import { Revocations, type SetSelector } from './sqlite/revocations.ts'
import { typeOf } from './sqlite/rows.ts'
import { type Live, Tokens } from './sqlite/tokens.ts'
import { type Walk, Walks } from './sqlite/walks.ts'
import { TokenCounts } from './token-counts.ts'

export type { SqliteStoreOptions } from './sqlite/options.ts'

/**
 * So many expired tokens are forgotten in one transaction, and then there is a pause, so that others have their turn: at
 * least so long, and until the log has been carried over where that is under way.
 */
const FORGOTTEN_AT_ONCE = 50
const PAUSE_MS = 1

/**
 * Keeps tokens in a file, on `node:sqlite`: for one machine, and for several processes of it. What is looked up during
 * one turn of the event loop is read together, and what is written is committed together. Signing keys are kept in files
 * beside it (`PATH.NAME.key`), also 0600.
 *
 * A revocation of more than 500 tokens takes several transactions: none of the tokens can be refreshed from its beginning
 * on, and when it rejects some are revoked already. What is left when its process ends, a pruning an hour later revokes.
 */
export class SqliteStore implements TokenStore {
  readonly keepsPrivately = true
  readonly #path: string
  readonly #database: DatabaseSync
  readonly #writes: GroupCommit
  readonly #reads: GroupRead
  readonly #clients: Clients
  readonly #tokens: Tokens
  readonly #marks: Marks
  readonly #walks: Walks
  readonly #revocations: Revocations
  readonly #checkpoints: Checkpoints
  readonly #counts: LiveCounts
  readonly #kept: KeptFiles
  #closing: Promise<void> | undefined

  /**
   * @throws TypeError when an option is wrong
   * @throws Error when the file cannot be used; the message says what to do
   */
  constructor(options: SqliteStoreOptions) {
    const { path, synchronous } = checked(options)
    this.#path = path
    const { database, reader } = openDatabase(path, synchronous)
    this.#database = database
    try {
      this.#clients = new Clients(database)
      this.#tokens = new Tokens(database, this.#clients)
      this.#marks = new Marks(database)
      this.#walks = new Walks(database)
      this.#revocations = new Revocations(database, this.#tokens, this.#clients, this.#marks, this.#walks)
      this.#counts = new LiveCounts(reader)
    } catch (error) {
      reader.close()
      database.close()
      throw explained(path, error)
    }
    this.#checkpoints = new Checkpoints(path)
    this.#writes = new GroupCommit(database, {
      participants: [this.#clients, this.#marks, this.#walks, this.#checkpoints],
      explain: (error) => explained(path, error),
      mustHold: () => this.#checkpoints.hold
    })
    this.#reads = new GroupRead(database)
    this.#kept = new KeptFiles(path)
  }

  insert(tokens: readonly StoredToken[]): Promise<boolean> {
    return this.#writes.run(() => {
      if (tokens.some((token) => this.#marks.catches(token))) return false
      for (const token of tokens) this.#tokens.add(token)
      return true
    })
  }

  find(id: string): Promise<StoredToken | undefined> {
    return this.#whileOpen(() => this.#reads.run(() => this.#tokens.find(id)?.token))
  }

  /** What cannot be rotated is found out by reading: it waits for no other process's lock. */
  async rotate(id: string, clientId: string, succession: Succession): Promise<Rotation> {
    const seen = await this.find(id)
    if (seen === undefined || !mayRotate(seen, clientId, succession.at)) return { won: false, token: seen }
    return this.#writes.run((): Rotation => {
      const found = this.#tokens.find(id)
      if (found === undefined || !mayRotate(found.token, clientId, succession.at)) {
        return { won: false, token: found?.token }
      }
      const { row, token } = found
      const revokedAt = this.#walks.reaching(row, token)
      if (revokedAt !== undefined) return { won: false, token: { ...token, revokedAt } }
      this.#tokens.spend(found, spendingOf(succession))
      for (const successor of successorsOf(token, succession)) this.#tokens.add(successor)
      return { won: true, token }
    })
  }

  async revoke(selector: Selector, at: number, _reason: string): Promise<readonly TokenCount[]> {
    const revoked = new TokenCounts()
    if ('id' in selector) this.#count(revoked, await this.#writes.run(() => this.#revokeOne(selector.id, at)))
    else await this.#revokeAll(selector, at, revoked)
    return revoked.positive()
  }

  countLive(at: number): Promise<readonly TokenCount[]> {
    return this.#whileOpen(() => this.#counts.read(at))
  }

  prune(at: number): Promise<readonly TokenCount[]> {
    return this.#whileOpen(async () => {
      // What other processes have begun to revoke, and could not end.
      for (let left = this.#revocations.abandoned(at); left !== undefined; left = this.#revocations.abandoned(at)) {
        await this.#goOn(left, at, new TokenCounts())
      }
      const longAgo = at - LONGEST_MINTING
      if (this.#marks.isDue(longAgo)) await this.#writes.run(() => this.#marks.forget(longAgo))
      const expired = new TokenCounts()
      try {
        await this.#forget(at, expired)
      } catch (error) {
        // What is gone must be counted, now or never.
        if (expired.positive().length === 0) throw error
      }
      return expired.positive()
    })
  }

  keep(name: string, value: string): Promise<string> {
    return this.#whileOpen(() => this.#kept.keep(name, value))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#reads.flush()
    await this.#writes.close()
    await this.#checkpoints.close()
    await this.#counts.close()
    this.#database.close()
  }

  /** Refuses after `close`, and explains what SQLite says. */
  async #whileOpen<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw new Error('The token database has been closed')
    try {
      return await work()
    } catch (error) {
      throw explained(this.#path, error)
    }
  }

  #revokeOne(id: string, at: number): readonly Live[] {
    const found = this.#tokens.find(id)
    if (found === undefined || !isLive(found.token, at)) return []
    this.#tokens.revoke(found, at)
    return [found]
  }

  async #revokeAll(selector: SetSelector, at: number, revoked: TokenCounts): Promise<void> {
    const { revoked: first, walk } = await this.#writes.run(() => this.#revocations.begin(selector, at))
    this.#count(revoked, first)
    await this.#goOn(walk, at, revoked)
  }

  async #goOn(begun: Walk | undefined, at: number, revoked: TokenCounts): Promise<void> {
    for (let walk = begun; walk !== undefined; ) {
      const from: Walk = walk
      const part = await this.#writes.run(() => this.#revocations.goOn(from, at))
      this.#count(revoked, part.revoked)
      walk = part.walk
    }
  }

  async #forget(at: number, expired: TokenCounts): Promise<void> {
    while (this.#closing === undefined && this.#tokens.isDue(at)) {
      const forgotten = await this.#writes.run(() => this.#tokens.forget(at, FORGOTTEN_AT_ONCE))
      this.#count(
        expired,
        forgotten.filter(({ ended }) => ended === 0)
      )
      if (forgotten.length < FORGOTTEN_AT_ONCE) return
      do {
        await sleep(PAUSE_MS)
      } while (this.#checkpoints.underWay)
    }
  }

  #count(counts: TokenCounts, tokens: readonly Live[]): void {
    for (const { client, refresh } of tokens) counts.add(this.#clients.nameOf(client), typeOf(refresh), 1)
  }
}
