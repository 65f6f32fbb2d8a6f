import type { Attributes, Meter, ObservableResult } from '@opentelemetry/api'
import { type ErrorCode, isStandardCode } from '../oauth/errors.ts'
import type { ReuseOutcome } from '../oauth/outcomes.ts'
import type { TokenCount } from '../oauth/token.ts'
import type { ClientLabels } from './client-labels.ts'
import { ATTRIBUTE, CLIENT_OTHER, METRIC, OTHER } from './conventions.ts'
import type { Counters } from './counters.ts'
import type {
  IntrospectEvent,
  IssueEvent,
  RefreshEvent,
  RevokeAllEvent,
  RevokeEvent,
  TokenEvent,
  ValidateEvent
} from './events.ts'
import { Histograms } from './histograms.ts'
import type { Series } from './tally.ts'

/** The operations whose duration is recorded. */
type TimedEvent = IssueEvent | RefreshEvent | RevokeEvent | RevokeAllEvent | IntrospectEvent

/** Reads the live tokens when metrics are collected; `undefined` when there is no issuer role. */
export type CountLive = (() => Promise<readonly TokenCount[]>) | undefined

/** The error as a label: codes of extension grants are an open set. */
const errorType = (code: ErrorCode): string => (isStandardCode(code) ? code : OTHER)

/** Turns events into metrics. */
export class Metrics {
  readonly #counters: Counters
  readonly #labels: ClientLabels
  readonly #histograms: Histograms
  /** The series of valid tokens by client: the one recording on the hot path. */
  readonly #valid = new Map<string, Series>()
  readonly #countLive: CountLive

  constructor(counters: Counters, labels: ClientLabels, countLive: CountLive, onDropped: () => void) {
    this.#counters = counters
    this.#labels = labels
    this.#countLive = countLive
    this.#histograms = new Histograms(onDropped)
  }

  record(event: TokenEvent): void {
    switch (event.operation) {
      case 'validate':
        this.#validated(event)
        return
      case 'expire':
        this.#addEach(this.#counters.expired, event.expired, (count) => count.type)
        return
      case 'token':
        this.#counters.refused.add(1, this.#label(event.clientId), event.grantType ?? OTHER, errorType(event.error))
        return
      case 'issue':
        if (event.error === undefined) this.#counters.issued.add(1, this.#label(event.clientId), event.grantType)
        break
      case 'refresh':
        this.#refreshed(event)
        break
      case 'revoke':
      case 'revoke_all':
        this.#addEach(this.#counters.revoked, event.revoked, () => event.reason)
        break
      case 'introspect':
        if (event.error === undefined) {
          this.#counters.introspected.add(1, this.#label(event.clientId), String(event.active))
        }
        break
    }
    this.#took(event)
  }

  /** Reports everything through one more meter, until the function that is returned is called. */
  reportTo(meter: Meter): () => void {
    const stops = Object.values(this.#counters).map((counter) => counter.reportTo(meter))
    stops.push(this.#histograms.reportTo(meter))
    if (this.#countLive !== undefined) stops.push(this.#reportActive(meter, this.#countLive))
    return () => {
      for (const stop of stops) stop()
    }
  }

  /** A store that is down costs no scrape: the gauge keeps what it said last, and the loss is counted. */
  #reportActive(meter: Meter, countLive: NonNullable<CountLive>): () => void {
    const gauge = meter.createObservableUpDownCounter(METRIC.active, {
      unit: '{token}',
      description: 'Live tokens in the store'
    })
    const report = async (result: ObservableResult) => {
      try {
        for (const { value, attributes } of this.#active(await countLive())) result.observe(value, attributes)
      } catch {
        this.#counters.dropped.add(1)
      }
    }
    gauge.addCallback(report)
    return () => gauge.removeCallback(report)
  }

  /** The label to record under; a recording without a label of its own is counted. */
  #label(clientId: string | undefined): string {
    const label = this.#labels.label(clientId)
    if (label === CLIENT_OTHER) this.#counters.clientsFolded.add(1)
    return label
  }

  #validated({ clientId, result, reason }: ValidateEvent): void {
    if (reason !== undefined) {
      this.#counters.validated.add(1, this.#label(clientId), result, reason)
      return
    }
    const label = this.#label(clientId)
    let series = this.#valid.get(label)
    if (series === undefined) {
      series = this.#counters.validated.series(label, result, undefined)
      this.#valid.set(label, series)
    }
    series.value += 1
  }

  #refreshed({ clientId, error, reason, reuse, age, lifetimeUsed }: RefreshEvent): void {
    const client = this.#label(clientId)
    if (reuse !== undefined) this.#counters.reuseDetected.add(1, client, reuse satisfies ReuseOutcome)
    if (reason !== undefined) {
      this.#counters.validated.add(1, client, reason === 'expired' ? 'expired' : 'invalid', reason)
    }
    if (error !== undefined || reuse !== undefined) return
    this.#counters.refreshed.add(1, client)
    const attributes = { [ATTRIBUTE.clientId]: client }
    if (age !== undefined) this.#histograms.record('ageAtRefresh', age, attributes)
    if (lifetimeUsed !== undefined) this.#histograms.record('lifetimeAtRefresh', lifetimeUsed, attributes)
  }

  #took({ operation, error, duration }: TimedEvent): void {
    const attributes: Attributes = { [ATTRIBUTE.operation]: operation }
    if (error !== undefined) attributes[ATTRIBUTE.errorType] = error
    this.#histograms.record('operationDuration', duration, attributes)
  }

  #addEach(
    counter: Counters['revoked' | 'expired'],
    counts: readonly TokenCount[],
    second: (count: TokenCount) => string
  ): void {
    for (const count of counts) counter.add(count.count, this.#label(count.clientId), second(count))
  }

  /** Live tokens per label; clients that share a label are added up. */
  #active(counts: readonly TokenCount[]): Iterable<Series> {
    const series = new Map<string, Series>()
    for (const { clientId, type, count } of counts) {
      const label = this.#labels.label(clientId)
      const attributes = { [ATTRIBUTE.clientId]: label, [ATTRIBUTE.tokenType]: type }
      const sum = series.get(`${label}\n${type}`) ?? { value: 0, attributes }
      sum.value += count
      series.set(`${label}\n${type}`, sum)
    }
    return series.values()
  }
}
