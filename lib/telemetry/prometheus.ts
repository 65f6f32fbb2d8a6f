import { type HrTime, type Meter, ValueType } from '@opentelemetry/api'
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  MeterProvider,
  type ResourceMetrics,
  type ScopeMetrics,
  type SumMetricData
} from '@opentelemetry/sdk-metrics'
import { SCOPE_NAME } from './conventions.ts'
import type { Sum } from './sum.ts'

/** The content type of the Prometheus text format 0.0.4. */
export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** What can be collected from: a `PrometheusExporter`, or any OpenTelemetry metric reader. */
export type MetricSource = Pick<PrometheusExporter, 'collect'>

/**
 * Room for every known client in every histogram; the SDK's own 2,000 would fold clients into an overflow series for as
 * long as the process lives. The number of clients has a limit of its own.
 */
const SERIES_PER_INSTRUMENT = 100_000

/** The metrics as Prometheus text; it rejects when they cannot be collected. */
export type MetricsText = () => Promise<string>

/** A reader of our own, apart from the application's metrics. */
export interface OwnReader {
  readonly text: MetricsText
  /** For what the SDK adds up: histograms. */
  readonly meter: Meter
  readonly shutdown: () => Promise<void>
}

/**
 * @param sums read as they are: the SDK would hash each of their series several times for each scrape, which takes longer
 * than all the rest of it
 */
export function ownReader(version: string, sums: readonly Sum[]): OwnReader {
  const exporter = new PrometheusExporter({ preventServerStart: true })
  const provider = new MeterProvider({
    readers: [exporter],
    views: [{ instrumentName: '*', aggregationCardinalityLimit: SERIES_PER_INSTRUMENT }]
  })
  const toText = serializerOf({ withoutScopeLabels: true })
  return {
    async text() {
      const { resourceMetrics } = await exporter.collect()
      const { resource, scopeMetrics } = resourceMetrics
      return toText({ resource, scopeMetrics: [await metricsOf(sums, version), ...scopeMetrics] })
    },
    meter: provider.getMeter(SCOPE_NAME, version),
    shutdown: () => provider.shutdown()
  }
}

/** Sums as an SDK hands them to an exporter: those that have any series. */
async function metricsOf(sums: readonly Sum[], version: string): Promise<ScopeMetrics> {
  const now: HrTime = [Math.floor(Date.now() / 1000), 0]
  const metrics = await Promise.all(sums.map((sum) => metricOf(sum, now)))
  return { scope: { name: SCOPE_NAME, version }, metrics: metrics.filter(({ dataPoints }) => dataPoints.length > 0) }
}

async function metricOf(sum: Sum, now: HrTime): Promise<SumMetricData> {
  const { name, unit, description, isMonotonic } = sum
  const dataPoints: DataPoint<number>[] = []
  for (const { value, attributes } of await sum.read()) {
    dataPoints.push({ value, attributes, startTime: now, endTime: now })
  }
  return {
    descriptor: { name, unit, description, valueType: ValueType.INT },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPointType: DataPointType.SUM,
    isMonotonic,
    dataPoints
  }
}

/** The text of the application's own exporter: of all its scopes, so each series says which it belongs to. */
export function textOfExporter(exporter: MetricSource): MetricsText {
  const toText = serializerOf({ withoutScopeLabels: false })
  return async () => {
    const { resourceMetrics } = await exporter.collect()
    if (resourceMetrics.scopeMetrics.length === 0) {
      throw new Error('there are no metrics: does metrics.exporter belong to the global MeterProvider?')
    }
    return toText(resourceMetrics)
  }
}

function serializerOf({ withoutScopeLabels }: { withoutScopeLabels: boolean }): (metrics: ResourceMetrics) => string {
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
  return (metrics) => serializer.serialize(metrics)
}
