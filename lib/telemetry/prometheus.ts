import type { Meter } from '@opentelemetry/api'
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { SCOPE_NAME } from './conventions.ts'

/** The content type of the Prometheus text format 0.0.4. */
export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** What can be collected from: a `PrometheusExporter`, or any OpenTelemetry metric reader. */
export type MetricSource = Pick<PrometheusExporter, 'collect'>

/**
 * Room for every known client in every counter; the SDK's own 2,000 would fold clients into an overflow series for as
 * long as the process lives. The number of clients has a limit of its own.
 */
const SERIES_PER_INSTRUMENT = 100_000

/** The metrics as Prometheus text; it rejects when they cannot be collected. */
export type MetricsText = () => Promise<string>

/** A reader of our own with its meter, apart from the application's metrics. */
export interface OwnReader {
  readonly text: MetricsText
  readonly meter: Meter
  readonly shutdown: () => Promise<void>
}

export function ownReader(version: string): OwnReader {
  const exporter = new PrometheusExporter({ preventServerStart: true })
  const provider = new MeterProvider({
    readers: [exporter],
    views: [{ instrumentName: '*', aggregationCardinalityLimit: SERIES_PER_INSTRUMENT }]
  })
  return {
    text: textOf(exporter, { withoutScopeLabels: true }),
    meter: provider.getMeter(SCOPE_NAME, version),
    shutdown: () => provider.shutdown()
  }
}

/** The text of the application's own exporter: of all its scopes, so each series says which it belongs to. */
export function textOfExporter(exporter: MetricSource): MetricsText {
  return textOf(exporter, { withoutScopeLabels: false })
}

function textOf(source: MetricSource, { withoutScopeLabels }: { withoutScopeLabels: boolean }): MetricsText {
  const prefix = undefined
  const appendTimestamp = false
  const resourceLabels = undefined
  const withoutTargetInfo = true
  const serializer = new PrometheusSerializer(
    prefix,
    appendTimestamp,
    resourceLabels,
    withoutTargetInfo,
    withoutScopeLabels
  )
  return async () => {
    const { resourceMetrics } = await source.collect()
    if (resourceMetrics.scopeMetrics.length === 0) {
      throw new Error('there are no metrics: does metrics.exporter belong to the global MeterProvider?')
    }
    return serializer.serialize(resourceMetrics)
  }
}
