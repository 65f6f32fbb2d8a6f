import { metrics } from '@opentelemetry/api'
import {
  AggregationTemporality,
  type IMetricReader,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader
} from '@opentelemetry/sdk-metrics'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'

/** One sample of a scrape: `name{labels}` without the labels of the scope, sorted, as `name{a="1",b="2"}`. */
export type Samples = ReadonlyMap<string, number>

/** Reads the Prometheus text format. */
export function parseMetrics(text: string): Samples {
  const samples = new Map<string, number>()
  for (const line of text.split('\n')) {
    const [, name, labels = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    if (name === undefined) continue
    const kept = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)]
      .filter(([, key]) => !key?.startsWith('otel_scope_'))
      .map(([pair]) => pair)
      .sort()
    samples.set(kept.length === 0 ? name : `${name}{${kept.join(',')}}`, Number(value))
  }
  return samples
}

/** Scrapes `/metrics`. */
export async function scrape(fastify: FastifyInstance): Promise<Samples> {
  const response = await fastify.inject({ url: '/metrics' })
  if (response.statusCode !== 200) throw new Error(`scrape answered ${response.statusCode}`)
  return parseMetrics(response.body)
}

/** The samples of one metric, without its name, for comparing all of them at once. */
export function samplesOf(samples: Samples, metric: string): Record<string, number> {
  const found: Record<string, number> = {}
  for (const [name, value] of samples) {
    const [family = '', labels = ''] = name.split(/(?=\{)/)
    if (family === metric) found[labels] = value
  }
  return found
}

/** Registers a real meter provider for this process, undone when the test ends. */
export function registerMeterProvider(t: Test, reader: IMetricReader): MeterProvider {
  const provider = new MeterProvider({ readers: [reader] })
  metrics.setGlobalMeterProvider(provider)
  t.teardown(async () => {
    metrics.disable()
    await provider.shutdown()
  })
  return provider
}

/** An exporter as the application has one, for OTLP say, that keeps what it is given: `collect` asks for it now. */
export function metricRecorder(temporality = AggregationTemporality.CUMULATIVE) {
  const exporter = new InMemoryMetricExporter(temporality)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  return {
    reader,
    /** The instruments with their data points, by name, as of the latest export. */
    async collect() {
      exporter.reset()
      await reader.forceFlush()
      const [resourceMetrics] = exporter.getMetrics()
      const scopes = resourceMetrics?.scopeMetrics ?? []
      return new Map(scopes.flatMap((scope) => scope.metrics).map((metric) => [metric.descriptor.name, metric]))
    }
  }
}
