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

/** A reader of our own with its meter, apart from the application's metrics. */
export function ownReader(version: string): { source: MetricSource; meter: Meter; shutdown: () => Promise<void> } {
  const exporter = new PrometheusExporter({ preventServerStart: true })
  const provider = new MeterProvider({
    readers: [exporter],
    views: [{ instrumentName: '*', aggregationCardinalityLimit: SERIES_PER_INSTRUMENT }]
  })
  return { source: exporter, meter: provider.getMeter(SCOPE_NAME, version), shutdown: () => provider.shutdown() }
}

const serializer = new PrometheusSerializer(undefined, false, undefined, true)

/** @throws what collecting throws, and when there is nothing to show, since ours are never nothing */
export async function toPrometheusText(source: MetricSource): Promise<string> {
  const { resourceMetrics } = await source.collect()
  if (resourceMetrics.scopeMetrics.length === 0) {
    throw new Error('there are no metrics: does metrics.exporter belong to the global MeterProvider?')
  }
  return serializer.serialize(resourceMetrics)
}
