import { type Attributes, context, propagation, type SpanContext, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import {
  InMemorySpanExporter,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
  TracerProvider
} from '@opentelemetry/sdk-trace'
import type { Test } from 'tap'

export interface RecordedSpans {
  /** All that have ended, in the order they did. */
  spans: () => ReadableSpan[]
  reset: () => void
}

/** Registers a real tracer provider for this process, undone when the test ends; gives what it has recorded. */
export function recordSpans(t: Test, sampler?: Sampler): RecordedSpans {
  const exporter = new InMemorySpanExporter()
  registerTracing(
    t,
    new TracerProvider({
      spanProcessors: [new SimpleSpanProcessor({ exporter })],
      ...(sampler === undefined ? {} : { sampler })
    })
  )
  return { spans: () => exporter.getFinishedSpans(), reset: () => exporter.reset() }
}

/** Registers a tracer provider, a context manager and the W3C propagator for this process, undone when the test ends. */
export function registerTracing(t: Test, provider: TracerProvider): void {
  trace.setGlobalTracerProvider(provider)
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  t.teardown(async () => {
    trace.disable()
    context.disable()
    propagation.disable()
    // What an exporter still fails to send is not what the test is about.
    await provider.shutdown().catch(() => {})
  })
}

/** The only span of this name. */
export function spanNamed({ spans }: RecordedSpans, name: string): ReadableSpan {
  const [span, ...others] = spans().filter((candidate) => candidate.name === name)
  if (span === undefined || others.length > 0) {
    const names = spans().map((candidate) => candidate.name)
    throw new Error(`there is not exactly one ${name} among ${names.join(', ') || 'no spans'}`)
  }
  return span
}

/** What a span says, in the shape tests compare: attributes, status, events and what it links to. */
export function sayingOf({ attributes, status, events, links }: ReadableSpan): {
  attributes: Attributes
  status: string
  events: { name: string; attributes: Attributes | undefined }[]
  links: string[]
} {
  return {
    attributes,
    status:
      status.message === undefined ? SpanStatusCode[status.code] : `${SpanStatusCode[status.code]} ${status.message}`,
    events: events.map(({ name, attributes }) => ({ name, attributes })),
    links: links.map(({ context: linked }) => idOf(linked))
  }
}

/** A span as `<trace-id>-<span-id>`. */
export function idOf({ traceId, spanId }: SpanContext): string {
  return `${traceId}-${spanId}`
}

/** The parent of a span as `idOf` has it; `undefined` for a root. */
export function parentOf({ parentSpanContext }: ReadableSpan): string | undefined {
  return parentSpanContext && idOf(parentSpanContext)
}
