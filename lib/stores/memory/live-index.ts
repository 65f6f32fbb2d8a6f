import type { Entry } from './entry.ts'

type NextKey = 'nextOfFamily' | 'nextOfClient' | 'nextOfSubject'
type PreviousKey = 'previousOfFamily' | 'previousOfClient' | 'previousOfSubject'

/** The live tokens of each family, client or subject; adding and removing one costs O(1). */
export class LiveIndex {
  /** Head of a doubly linked list per key. */
  readonly #first = new Map<string, Entry>()
  /** When keys were revoked, oldest first. */
  readonly #revokedAt = new Map<string, number>()
  readonly #next: NextKey
  readonly #previous: PreviousKey

  constructor(next: NextKey, previous: PreviousKey) {
    this.#next = next
    this.#previous = previous
  }

  add(key: string, entry: Entry): void {
    const first = this.#first.get(key)
    entry[this.#next] = first
    if (first !== undefined) first[this.#previous] = entry
    this.#first.set(key, entry)
  }

  remove(key: string, entry: Entry): void {
    const next = entry[this.#next]
    const previous = entry[this.#previous]
    if (next !== undefined) next[this.#previous] = previous
    if (previous !== undefined) previous[this.#next] = next
    else if (next !== undefined) this.#first.set(key, next)
    else this.#first.delete(key)
    entry[this.#next] = undefined
    entry[this.#previous] = undefined
  }

  first(key: string): Entry | undefined {
    return this.#first.get(key)
  }

  /** Remembers that the key was revoked, until `forgetRevocationsBefore` passes it. */
  markRevoked(key: string, at: number): void {
    const latest = Math.max(at, this.#revokedAt.get(key) ?? at)
    this.#revokedAt.delete(key)
    this.#revokedAt.set(key, latest)
  }

  /** Whether the key was revoked after a time. */
  isRevokedSince(key: string, time: number): boolean {
    const at = this.#revokedAt.get(key)
    return at !== undefined && at > time
  }

  forgetRevocationsBefore(time: number): void {
    for (const [key, at] of this.#revokedAt) {
      if (at >= time) return
      this.#revokedAt.delete(key)
    }
  }
}
