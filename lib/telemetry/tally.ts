import type { Attributes } from '@opentelemetry/api'
import type { Series, Sum } from './sum.ts'

/**
 * A counter that we count ourselves and report when asked. Counting costs an addition instead of hashing the
 * attributes, can throw nothing, starts at zero, and reads the same wherever it is reported.
 */
export class Tally implements Sum {
  readonly isMonotonic = true
  readonly name: string
  readonly unit: string
  readonly description: string
  readonly #keys: readonly string[]
  readonly #series = new Map<string, Series>()

  constructor(name: string, unit: string, description: string, keys: readonly string[]) {
    this.name = name
    this.unit = unit
    this.description = description
    this.#keys = keys
  }

  /** The series with these attribute values, in the order of the keys; it exists from then on. `undefined`: no attribute. */
  series(...values: readonly (string | undefined)[]): Series {
    const id = values.join('\n')
    let series = this.#series.get(id)
    if (series === undefined) {
      const attributes: Attributes = {}
      for (const [index, key] of this.#keys.entries()) {
        const value = values[index]
        if (value !== undefined) attributes[key] = value
      }
      series = { value: 0, attributes }
      this.#series.set(id, series)
    }
    return series
  }

  add(count: number, ...values: readonly (string | undefined)[]): void {
    this.series(...values).value += count
  }

  read(): Iterable<Series> {
    return this.#series.values()
  }
}
