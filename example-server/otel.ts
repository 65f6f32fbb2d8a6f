import { context, propagation } from '@opentelemetry/api'
import { NodeSDK } from '@opentelemetry/sdk-node'
import type { preHandlerHookHandler } from 'fastify'

/** A collector that does not answer may hold up the end of the process for so long. */
const FLUSH_MS = 3000

/** Whether the environment says where a signal goes. */
function isConfigured(signal: 'TRACES' | 'METRICS' | 'LOGS'): boolean {
  const { env } = process
  return Boolean(
    env[`OTEL_${signal}_EXPORTER`] || env[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`] || env.OTEL_EXPORTER_OTLP_ENDPOINT
  )
}

/**
 * Starts OpenTelemetry from its usual environment variables. The SDK would send a signal that nobody configured to
 * localhost:4318; here it goes nowhere. To be called before Fastify is built, because meters do not bind late.
 *
 * @returns what sends the rest, within three seconds, and stops it
 */
export function startOpenTelemetry(): () => Promise<void> {
  const sdk = new NodeSDK({
    ...(isConfigured('TRACES') ? {} : { spanProcessors: [] }),
    ...(isConfigured('METRICS') ? {} : { metricReaders: [] }),
    ...(isConfigured('LOGS') ? {} : { logRecordProcessors: [] })
  })
  sdk.start()
  return async function stopOpenTelemetry() {
    const flushed = sdk.shutdown().catch(() => {})
    await Promise.race([flushed, new Promise((resolve) => setTimeout(resolve, FLUSH_MS).unref())])
  }
}

/**
 * Runs a route's handler in the trace of its caller, so that what it asks of `fastify.oauth` belongs to it. An
 * instrumentation like @fastify/otel does this for all routes.
 */
export const continueTrace: preHandlerHookHandler = (request, _reply, done) => {
  context.with(propagation.extract(context.active(), request.headers), done)
}
