import type { TokenCount } from '../oauth/tokens/token.ts'
import type { ClientLabels } from './client-labels.ts'
import { ATTRIBUTE, METRIC } from './conventions.ts'
import type { Series, Sum } from './sum.ts'

/** Reads the live tokens when metrics are collected. */
export type CountLive = () => Promise<readonly TokenCount[]>

/** The live tokens in the store. A store that is down costs no scrape: they are what they were last, and that is counted. */
export class ActiveTokens implements Sum {
  readonly isMonotonic = false
  readonly name = METRIC.active
  readonly unit = '{token}'
  readonly description = 'Live tokens in the store'
  readonly #countLive: CountLive
  readonly #labels: ClientLabels
  readonly #onDropped: () => void
  #last: Iterable<Series> = []

  constructor(countLive: CountLive, labels: ClientLabels, onDropped: () => void) {
    this.#countLive = countLive
    this.#labels = labels
    this.#onDropped = onDropped
  }

  async read(): Promise<Iterable<Series>> {
    try {
      this.#last = this.#seriesOf(await this.#countLive())
    } catch {
      this.#onDropped()
    }
    return this.#last
  }

  /** One series per label and type; clients that share a label are added up. */
  #seriesOf(counts: readonly TokenCount[]): readonly Series[] {
    const series = new Map<string, Series>()
    for (const { clientId, type, count } of counts) {
      const label = this.#labels.label(clientId)
      const attributes = { [ATTRIBUTE.clientId]: label, [ATTRIBUTE.tokenType]: type }
      const sum = series.get(`${label}\n${type}`) ?? { value: 0, attributes }
      sum.value += count
      series.set(`${label}\n${type}`, sum)
    }
    return [...series.values()]
  }
}
