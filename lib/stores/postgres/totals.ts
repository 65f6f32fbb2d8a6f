import type { TokenCount } from '../../oauth/token.ts'
import type { CountRow } from './rows.ts'

/** Sums of counts that come in batches. */
export class Totals {
  readonly #counts = new Map<string, TokenCount>()

  get isEmpty(): boolean {
    return this.#counts.size === 0
  }

  add(rows: readonly CountRow[]): void {
    for (const { client_id: clientId, type, count } of rows) {
      const key = `${type} ${clientId}`
      const sum = count + (this.#counts.get(key)?.count ?? 0)
      this.#counts.set(key, { clientId, type, count: sum })
    }
  }

  toArray(): TokenCount[] {
    return [...this.#counts.values()]
  }
}
