import type { Attributes, Meter } from '@opentelemetry/api'
import { type ErrorCode, isStandardCode } from '../oauth/errors.ts'
import type { ReuseOutcome } from '../oauth/outcomes.ts'
import type { TokenCount } from '../oauth/tokens/token.ts'
import { ActiveTokens, type CountLive } from './active-tokens.ts'
import type { ClientLabels } from './client-labels.ts'
import { ATTRIBUTE, CLIENT_OTHER, OTHER } from './conventions.ts'
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
import { reportSum, type Series, type Sum } from './sum.ts'

/** The operations whose duration is recorded. */
type TimedEvent = IssueEvent | RefreshEvent | RevokeEvent | RevokeAllEvent | IntrospectEvent

/** The error as a label: codes of extension grants are an open set. */
const errorType = (code: ErrorCode): string => (isStandardCode(code) ? code : OTHER)

/** Turns events into metrics. */
export class Metrics {
  readonly #counters: Counters
  readonly #labels: ClientLabels
  readonly #histograms: Histograms
  /** The series of valid tokens by client: the one recording on the hot path. */
  readonly #valid = new Map<string, Series>()
  /** All that is not a histogram. */
  readonly sums: readonly Sum[]

  /** @param countLive absent when there is no issuer role */
  constructor(counters: Counters, labels: ClientLabels, countLive: CountLive | undefined, onDropped: () => void) {
    this.#counters = counters
    this.#labels = labels
    this.#histograms = new Histograms(onDropped)
    const active = countLive === undefined ? [] : [new ActiveTokens(countLive, labels, onDropped)]
    this.sums = [...Object.values(counters), ...active]
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

  /** Records histograms in one more meter, until the function that is returned is called. */
  recordIn(meter: Meter): () => void {
    return this.#histograms.recordIn(meter)
  }

  /** Reports everything through one more meter, until the function that is returned is called. */
  reportTo(meter: Meter): () => void {
    const stops = [...this.sums.map((sum) => reportSum(sum, meter)), this.recordIn(meter)]
    return () => {
      for (const stop of stops) stop()
    }
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
    if (error !== undefined) attributes[ATTRIBUTE.errorType] = errorType(error)
    this.#histograms.record('operationDuration', duration, attributes)
  }

  #addEach(
    counter: Counters['revoked' | 'expired'],
    counts: readonly TokenCount[],
    second: (count: TokenCount) => string
  ): void {
    for (const count of counts) counter.add(count.count, this.#label(count.clientId), second(count))
  }
}
