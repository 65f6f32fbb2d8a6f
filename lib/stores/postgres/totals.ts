import type { TokenCount } from '../../oauth/token.ts'
import type { CountRow } from './rows.ts'

/** Sums of counts that come in batches. */
export class Totals {
  readonly #counts = new Map<string, TokenCount>()

  add(rows: readonly CountRow[]): void {
    for (const { client_id: clientId, type, count } of rows) {
      const key = `${type} ${clientId}`
      const sum = count + (this.#counts.get(key)?.count ?? 0)
      this.#counts.set(key, { clientId, type, count: sum })
    }
  }

  /** Takes out all that has been added. */
  take(): TokenCount[] {
    const counts = [...this.#counts.values()]
    this.#counts.clear()
    return counts
  }
}
