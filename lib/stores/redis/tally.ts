import type { TokenCount } from '../../oauth/token.ts'
import { fromCountField } from './row.ts'

/** What the scripts have counted in several places, summed up. */
export class Tally {
  readonly #counts = new Map<string, number>()

  /** Adds the lines of an answer: by turns a field and its count. */
  add(lines: readonly string[]): void {
    for (let index = 0; index + 1 < lines.length; index += 2) {
      const [field = '', count] = lines.slice(index, index + 2)
      this.#counts.set(field, (this.#counts.get(field) ?? 0) + Number(count))
    }
  }

  /** Takes out all that has been added. */
  take(): TokenCount[] {
    const counts = [...this.#counts].map(([field, count]) => ({ ...fromCountField(field), count }))
    this.#counts.clear()
    return counts
  }
}
