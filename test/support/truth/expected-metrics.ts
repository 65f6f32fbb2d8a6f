import type { Samples } from '../metrics.ts'

type Labels = Readonly<Record<string, string | undefined>>

const sample = (name: string, labels: Labels): string => {
  const pairs = Object.entries(labels).filter(([, value]) => value !== undefined)
  const text = pairs.map(([key, value]) => `${key}="${value}"`).sort()
  return text.length === 0 ? name : `${name}{${text.join(',')}}`
}

/** What `/metrics` ought to say: counters, and values of histograms. */
export class ExpectedMetrics {
  readonly #counters = new Map<string, number>()
  readonly #recorded = new Map<string, { name: string; labels: Labels; values: number[] }>()

  add(name: string, labels: Labels, count = 1): void {
    const key = sample(name, labels)
    this.#counters.set(key, (this.#counters.get(key) ?? 0) + count)
  }

  record(name: string, labels: Labels, value: number): void {
    const key = sample(name, labels)
    const recorded = this.#recorded.get(key) ?? { name, labels, values: [] }
    recorded.values.push(value)
    this.#recorded.set(key, recorded)
  }

  /** All counting begins again, as it does with a new process. */
  startAnew(): void {
    for (const name of this.#counters.keys()) this.#counters.set(name, 0)
    for (const { values } of this.#recorded.values()) values.length = 0
  }

  /** The counters that have ever counted, with their labels. */
  names(): string[] {
    return [...this.#counters.keys()]
  }

  /** A counter's value so far. */
  get(name: string, labels: Labels): number {
    return this.#counters.get(sample(name, labels)) ?? 0
  }

  /**
   * Every sample that is not zero, with what is alive now.
   *
   * @param scraped tells the bounds of the buckets
   */
  samples(
    gauges: readonly { name: string; labels: Labels; value: number }[],
    scraped: Samples
  ): Record<string, number> {
    const all = new Map(this.#counters)
    for (const { name, labels, value } of gauges) all.set(sample(name, labels), value)
    for (const { name, labels, values } of this.#recorded.values()) {
      all.set(sample(`${name}_count`, labels), values.length)
      all.set(
        sample(`${name}_sum`, labels),
        values.reduce((sum, value) => sum + value, 0)
      )
      for (const le of boundsOf(name, scraped)) {
        const within = values.filter((value) => value <= Number(le.replace('+Inf', 'Infinity'))).length
        all.set(sample(`${name}_bucket`, { ...labels, le }), within)
      }
    }
    return notZero(all)
  }
}

function boundsOf(name: string, scraped: Samples): ReadonlySet<string> {
  const bounds = [...scraped.keys()].filter((key) => key.startsWith(`${name}_bucket{`))
  return new Set(bounds.map((key) => /le="([^"]+)"/.exec(key)?.[1] ?? ''))
}

/** Sums of fractions depend on the order of adding in their last digits. */
const rounded = (name: string, value: number): number => (name.includes('_sum') ? Number(value.toFixed(6)) : value)

function notZero(samples: Iterable<readonly [string, number]>): Record<string, number> {
  const present = [...samples].filter(([, value]) => value !== 0)
  return Object.fromEntries(present.map(([name, value]) => [name, rounded(name, value)] as const).sort())
}

/** How long something takes is not foretold, only how often it was done. */
const UNFORETOLD = /^oauth2_token_operation_duration_(?:sum|bucket)/

/** What `/metrics` says of tokens, without what is zero. */
export function tokenSamples(scraped: Samples): Record<string, number> {
  return notZero([...scraped].filter(([name]) => name.startsWith('oauth2_') && !UNFORETOLD.test(name)))
}
