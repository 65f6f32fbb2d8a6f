import type { Attributes, Histogram, Meter } from '@opentelemetry/api'
import { METRIC } from './conventions.ts'

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const HISTOGRAMS = {
  ageAtRefresh: {
    name: METRIC.ageAtRefresh,
    unit: 's',
    description: 'Age of the refresh token that was spent',
    boundaries: [
      MINUTE,
      5 * MINUTE,
      15 * MINUTE,
      30 * MINUTE,
      HOUR,
      2 * HOUR,
      6 * HOUR,
      12 * HOUR,
      DAY,
      3 * DAY,
      7 * DAY,
      14 * DAY,
      30 * DAY
    ]
  },
  lifetimeAtRefresh: {
    name: METRIC.lifetimeAtRefresh,
    unit: '1',
    description: 'Part of its lifetime after which a refresh token was spent',
    boundaries: [0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1]
  },
  operationDuration: {
    name: METRIC.operationDuration,
    unit: 's',
    description: 'Duration of token operations',
    boundaries: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
  }
} as const

type HistogramName = keyof typeof HISTOGRAMS

/** The histograms there are, recorded in every meter that has been added; one that throws costs no other. */
export class Histograms {
  readonly #recorders = new Set<Record<HistogramName, Histogram>>()
  readonly #onDropped: () => void

  constructor(onDropped: () => void) {
    this.#onDropped = onDropped
  }

  /** Records in a meter too, until the function that is returned is called. */
  recordIn(meter: Meter): () => void {
    const create = (histogram: HistogramName) => {
      const { name, unit, description, boundaries } = HISTOGRAMS[histogram]
      return meter.createHistogram(name, { unit, description, advice: { explicitBucketBoundaries: [...boundaries] } })
    }
    const recorder = {
      ageAtRefresh: create('ageAtRefresh'),
      lifetimeAtRefresh: create('lifetimeAtRefresh'),
      operationDuration: create('operationDuration')
    }
    this.#recorders.add(recorder)
    return () => this.#recorders.delete(recorder)
  }

  record(histogram: HistogramName, value: number, attributes: Attributes): void {
    for (const recorder of this.#recorders) {
      try {
        recorder[histogram].record(value, attributes)
      } catch {
        this.#onDropped()
      }
    }
  }
}
