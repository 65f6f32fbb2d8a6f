// An application on OpenTelemetry SDK 2.x, whose API has no logs.
import assert from 'node:assert/strict'
import * as api from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import Fastify from 'fastify'
import oauthTelemetry from 'fastify-oauth-telemetry'
import { assertScrape, liveThrough, options } from './life.mjs'
import { assertSpans } from './trace.mjs'

const spans = new InMemorySpanExporter()
const metrics = new PrometheusExporter({ preventServerStart: true })
api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
api.trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }))
api.metrics.setGlobalMeterProvider(new MeterProvider({ readers: [metrics] }))

const fastify = Fastify()
await fastify.register(oauthTelemetry, options)
await liveThrough(fastify)
assertSpans(spans.getFinishedSpans())

assertScrape(new PrometheusSerializer().serialize((await metrics.collect()).resourceMetrics))
console.log("  proved: the application's own MeterProvider has the same numbers")
assert.equal('logs' in api, false)
console.log('  proved: all of that without a logs API')
await fastify.close()
