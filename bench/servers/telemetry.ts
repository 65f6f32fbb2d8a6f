import type { IMetricReader } from '@opentelemetry/sdk-metrics'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { AlwaysOnSampler, BatchSpanProcessor, ParentBasedSampler, type SpanExporter } from '@opentelemetry/sdk-trace'

/** The SDK as an app would start it, with an exporter that only counts what it discards; the count is had by stopping it. */
export function startTelemetry(metricReaders: IMetricReader[] = []): () => Promise<number> {
  let spansExported = 0
  const exporter: SpanExporter = {
    export(spans, done) {
      spansExported += spans.length
      done({ code: 0 })
    },
    async shutdown() {}
  }
  const sdk = new NodeSDK({
    autoDetectResources: false,
    sampler: new ParentBasedSampler({ root: new AlwaysOnSampler() }),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
    metricReaders,
    logRecordProcessors: []
  })
  sdk.start()
  return async () => {
    await sdk.shutdown()
    return spansExported
  }
}
