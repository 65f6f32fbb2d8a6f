// An application on OpenTelemetry SDK 3.x.
import assert from 'node:assert/strict'
import { context, logs, metrics, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { InMemoryLogRecordExporter, LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import Fastify from 'fastify'
import oauthTelemetry from 'fastify-oauth-telemetry'
import { assertScrape, liveThrough, options } from './life.mjs'
import { assertSpans } from './trace.mjs'

const spans = new InMemorySpanExporter()
const reader = new PrometheusExporter({ preventServerStart: true })
const records = new InMemoryLogRecordExporter()
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spans })] }))
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))
logs.setGlobalLoggerProvider(new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter: records })] }))

const fastify = Fastify()
await fastify.register(oauthTelemetry, options)
await liveThrough(fastify)
assertSpans(spans.getFinishedSpans())

assertScrape(new PrometheusSerializer().serialize((await reader.collect()).resourceMetrics))
console.log("  proved: the application's own MeterProvider has the same numbers")
assert.deepEqual(
  records.getFinishedLogRecords().map(({ eventName }) => eventName),
  ['oauth2.token.revoke_all', 'refresh_token_reuse_detected']
)
console.log('  proved: the reuse and its revoke-all are log events')
await fastify.close()
