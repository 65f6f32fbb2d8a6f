import { LONGEST_MINTING, type Rotation, type Selector, type TokenStore } from '../oauth/store/store.ts'
import { mayRotate, type Succession, spendingOf, successorsOf } from '../oauth/tokens/succession.ts'
import type { StoredToken, TokenCount } from '../oauth/tokens/token.ts'
import { Entry } from './memory/entry.ts'
import { ExpiryBuckets } from './memory/expiry-buckets.ts'
import { LiveIndex } from './memory/live-index.ts'
import { TokenCounts } from './token-counts.ts'

/**
 * Keeps tokens in this process: fast, atomic because JavaScript runs one step at a time, and gone with the process.
 * For tests, development, and services whose tokens may end with them.
 */
export class MemoryStore implements TokenStore {
  readonly keepsPrivately = true
  readonly #entries = new Map<string, Entry>()
  readonly #families = new LiveIndex('nextOfFamily', 'previousOfFamily')
  readonly #clients = new LiveIndex('nextOfClient', 'previousOfClient')
  readonly #subjects = new LiveIndex('nextOfSubject', 'previousOfSubject')
  readonly #expiry = new ExpiryBuckets()
  readonly #live = new TokenCounts()
  /** Tokens that have expired and are not yet forgotten. */
  #expired: Entry[] = []
  readonly #kept = new Map<string, string>()

  async insert(tokens: readonly StoredToken[]): Promise<boolean> {
    if (tokens.some((token) => this.#isRevokedMeanwhile(token))) return false
    for (const token of tokens) this.#add(token)
    return true
  }

  async find(id: string): Promise<StoredToken | undefined> {
    return this.#entries.get(id)?.toToken()
  }

  peek(id: string): StoredToken | undefined {
    return this.#entries.get(id)
  }

  async rotate(id: string, clientId: string, succession: Succession): Promise<Rotation> {
    const entry = this.#entries.get(id)
    const token = entry?.toToken()
    if (entry === undefined || token === undefined || entry.ended || !mayRotate(token, clientId, succession.at)) {
      return { won: false, token }
    }
    this.#end(entry)
    entry.spent = spendingOf(succession)
    for (const successor of successorsOf(token, succession)) this.#add(successor)
    return { won: true, token }
  }

  async revoke(selector: Selector, at: number, _reason: string): Promise<readonly TokenCount[]> {
    this.#expire(at)
    const revoked = new TokenCounts()
    if ('id' in selector) {
      this.#revokeOne(selector.id, at, revoked)
    } else {
      const [index, key] = this.#indexed(selector)
      index.markRevoked(key, at)
      for (let entry = index.first(key); entry !== undefined; entry = index.first(key)) this.#revoke(entry, at, revoked)
    }
    if ('family' in selector && this.#entries.get(selector.family)?.isAlone) {
      this.#revokeOne(selector.family, at, revoked)
    }
    return revoked.positive()
  }

  async countLive(at: number): Promise<readonly TokenCount[]> {
    this.#expire(at)
    return this.#live.all()
  }

  async prune(at: number): Promise<readonly TokenCount[]> {
    this.#expire(at)
    for (const index of [this.#families, this.#clients, this.#subjects]) {
      index.forgetRevocationsBefore(at - LONGEST_MINTING)
    }
    const unspent = new TokenCounts()
    for (const entry of this.#expired) {
      this.#entries.delete(entry.id)
      if (entry.spent === undefined && entry.revokedAt === undefined) unspent.add(entry.clientId, entry.type, 1)
    }
    this.#expired = []
    return unspent.positive()
  }

  async keep(name: string, value: string): Promise<string> {
    const kept = this.#kept.get(name) ?? value
    this.#kept.set(name, kept)
    return kept
  }

  async close(): Promise<void> {}

  #indexed(selector: Exclude<Selector, { id: string }>): [LiveIndex, string] {
    if ('family' in selector) return [this.#families, selector.family]
    if ('subject' in selector) return [this.#subjects, selector.subject]
    return [this.#clients, selector.clientId]
  }

  #isRevokedMeanwhile({ family, clientId, subject, issuedAt }: StoredToken): boolean {
    return (
      this.#families.isRevokedSince(family, issuedAt) ||
      this.#clients.isRevokedSince(clientId, issuedAt) ||
      (subject !== undefined && this.#subjects.isRevokedSince(subject, issuedAt))
    )
  }

  #add(token: StoredToken): void {
    const entry = new Entry(token)
    this.#entries.set(entry.id, entry)
    this.#expiry.add(entry)
    if (!entry.isAlone) this.#families.add(entry.family, entry)
    this.#clients.add(entry.clientId, entry)
    if (entry.subject !== undefined) this.#subjects.add(entry.subject, entry)
    this.#live.add(entry.clientId, entry.type, 1)
  }

  /** A live token stops being live, whatever for. */
  #end(entry: Entry): void {
    entry.ended = true
    if (!entry.isAlone) this.#families.remove(entry.family, entry)
    this.#clients.remove(entry.clientId, entry)
    if (entry.subject !== undefined) this.#subjects.remove(entry.subject, entry)
    this.#live.add(entry.clientId, entry.type, -1)
  }

  #revokeOne(id: string, at: number, revoked: TokenCounts): void {
    const entry = this.#entries.get(id)
    if (entry?.ended === false) this.#revoke(entry, at, revoked)
  }

  #revoke(entry: Entry, at: number, revoked: TokenCounts): void {
    this.#end(entry)
    entry.revokedAt = at
    revoked.add(entry.clientId, entry.type, 1)
  }

  /** Ends the tokens whose time has come; they stay to be found until `prune` forgets them. */
  #expire(at: number): void {
    for (const entry of this.#expiry.take(at)) {
      if (!entry.ended) this.#end(entry)
      this.#expired.push(entry)
    }
  }
}
