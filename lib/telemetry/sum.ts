import type { Attributes, Meter, ObservableResult } from '@opentelemetry/api'

/** One time series: its attributes and its value so far. */
export interface Series {
  value: number
  readonly attributes: Attributes
}

/** What adds up outside of any SDK, and is read when metrics are collected (OpenTelemetry's asynchronous counters). */
export interface Sum {
  readonly name: string
  readonly unit: string
  readonly description: string
  /** A counter, which only rises; otherwise an up-down counter. */
  readonly isMonotonic: boolean
  /** Throws and rejects with nothing. */
  read(): Iterable<Series> | Promise<Iterable<Series>>
}

/** Reports a sum through a meter whenever it collects, until the function that is returned is called. */
export function reportSum(sum: Sum, meter: Meter): () => void {
  const { name, unit, description, isMonotonic } = sum
  const options = { unit, description }
  const instrument = isMonotonic
    ? meter.createObservableCounter(name, options)
    : meter.createObservableUpDownCounter(name, options)
  const report = async (result: ObservableResult) => {
    for (const { value, attributes } of await sum.read()) result.observe(value, attributes)
  }
  instrument.addCallback(report)
  return () => instrument.removeCallback(report)
}
