import { type MeterProvider, metrics as metricsApi } from '@opentelemetry/api'
import type { CountLive } from './active-tokens.ts'
import { clientLabels } from './client-labels.ts'
import { SCOPE_NAME } from './conventions.ts'
import { createCounters } from './counters.ts'
import type { TokenEvent } from './events.ts'
import { logWriter } from './logs.ts'
import { Metrics } from './metrics.ts'
import type { Observation } from './observation.ts'
import { type MetricSource, type MetricsText, ownReader, textOfExporter } from './prometheus.ts'
import { Tracing } from './tracing.ts'
import { showUser, type UserIdMode } from './user-ids.ts'
import { type KnownAtStart, startAtZero } from './zeroes.ts'

/** Told of every event; what it throws or rejects with is counted and otherwise ignored. */
export type EventListener = (event: TokenEvent) => void | Promise<void>

export interface TelemetrySettings extends KnownAtStart {
  readonly version: string
  readonly userId: UserIdMode
  readonly userIdKey: string | undefined
  /** At most so many client labels. */
  readonly clientLimit: number
  readonly onEvent: EventListener | undefined
  /** Whether there may be other clients than those known. */
  readonly otherClients: boolean
  /** Absent when there is no issuer role. */
  readonly countLive: CountLive | undefined
  /** Where `/metrics` collects from; `own` makes a reader apart from the application's, `none` makes nothing. */
  readonly source: MetricSource | 'own' | 'none'
  readonly now: () => number
}

export interface Telemetry {
  readonly observation: Observation
  /** What `/metrics` answers. */
  readonly metricsText: MetricsText | undefined
  /** Counts a fetch of an issuer's keys. */
  readonly keysFetched: (issuer: string, outcome: string) => void
  /** Reports through the global MeterProvider too, again when it has been replaced: meters do not late-bind. */
  readonly reportToGlobalProvider: () => void
  readonly shutdown: () => Promise<void>
}

export function createTelemetry(settings: TelemetrySettings): Telemetry {
  const { version } = settings
  const counters = createCounters()
  const dropped = counters.dropped.series()
  const onDropped = () => {
    dropped.value += 1
  }
  const labels = clientLabels({
    known: settings.clients.map(({ id }) => id),
    open: settings.otherClients,
    limit: settings.clientLimit
  })
  startAtZero(counters, labels, settings)
  const metrics = new Metrics(counters, labels, settings.countLive, onDropped)

  const reader = settings.source === 'own' ? ownReader(version, metrics.sums) : undefined
  if (reader !== undefined) metrics.recordIn(reader.meter)
  let reportedTo: MeterProvider | undefined
  let stopReporting = () => {}

  const listeners: EventListener[] = [(event) => metrics.record(event), logWriter(version)]
  if (settings.onEvent !== undefined) listeners.push(settings.onEvent)

  function emit(event: TokenEvent): void {
    for (const listener of listeners) {
      try {
        const pending = listener(event)
        if (pending !== undefined) Promise.resolve(pending).catch(onDropped)
      } catch {
        onDropped()
      }
    }
  }

  return {
    observation: {
      tracing: new Tracing(version, onDropped),
      emit,
      onDropped,
      showUser: showUser(settings.userId, settings.userIdKey),
      now: settings.now
    },
    metricsText: reader?.text ?? (typeof settings.source === 'string' ? undefined : textOfExporter(settings.source)),
    keysFetched: (issuer, outcome) => counters.keysFetched.add(1, issuer, outcome),
    reportToGlobalProvider() {
      const provider = metricsApi.getMeterProvider()
      if (provider === reportedTo) return
      reportedTo = provider
      try {
        stopReporting()
        stopReporting = metrics.reportTo(provider.getMeter(SCOPE_NAME, version))
      } catch {
        onDropped()
      }
    },
    async shutdown() {
      stopReporting()
      await reader?.shutdown()
    }
  }
}
