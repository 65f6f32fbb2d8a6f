import type { Entry } from './entry.ts'

/** Tokens by the second they expire in, so that time passing visits only those whose time has come. */
export class ExpiryBuckets {
  /** Head of a linked list per second. */
  readonly #buckets = new Map<number, Entry>()
  #taken = 0

  add(entry: Entry): void {
    const second = Math.max(Math.ceil(entry.expiresAt), this.#taken + 1)
    entry.nextExpiring = this.#buckets.get(second)
    this.#buckets.set(second, entry)
  }

  /** Takes out the tokens that have expired by a time. Time running backwards takes out nothing. */
  *take(at: number): Generator<Entry> {
    const until = Math.floor(at)
    for (const second of this.#secondsUntil(until)) {
      let entry = this.#buckets.get(second)
      this.#buckets.delete(second)
      while (entry !== undefined) {
        const next: Entry | undefined = entry.nextExpiring
        yield entry
        entry = next
      }
    }
    this.#taken = Math.max(this.#taken, until)
  }

  /** The seconds to visit: those passed since the last time, or those there are, whichever are fewer. */
  *#secondsUntil(until: number): Generator<number> {
    if (until - this.#taken <= this.#buckets.size) {
      for (let second = this.#taken + 1; second <= until; second += 1) yield second
    } else {
      for (const second of this.#buckets.keys()) if (second <= until) yield second
    }
  }
}
