import {
  type Attributes,
  type Context,
  context,
  type Link,
  type Span,
  type SpanContext,
  SpanStatusCode,
  type Tracer,
  trace
} from '@opentelemetry/api'
import { SCOPE_NAME } from './conventions.ts'
import { areSpansWanted, untrustedLink, withoutUntrustedLink } from './request-context.ts'
import { mayBeRecorded, toTraceparent } from './trace-context.ts'

/** What a span says when it ends. */
export interface SpanReport {
  readonly attributes: Attributes
  readonly links?: readonly Link[]
  readonly event?: { readonly name: string; readonly attributes: Attributes }
  /** Presence marks the span ERROR. */
  readonly failure?: string
}

/** A span that may be absent: where nobody would see it, or where the tracer failed. */
export interface Recording {
  /** The traceparent of what is being recorded, or of the parent where nothing is. */
  traceparent(): string | undefined
  /** Runs with the span active. */
  run<T>(work: () => T): T
  end(report: () => SpanReport): void
}

/** Starts spans, and keeps whatever a tracer throws away from the caller. */
export class Tracing {
  readonly #tracer: Tracer | undefined
  readonly #onDropped: () => void

  constructor(version: string, onDropped: () => void) {
    this.#onDropped = onDropped
    try {
      this.#tracer = trace.getTracer(SCOPE_NAME, version)
    } catch {
      onDropped()
    }
  }

  start(name: string, parent: Context = context.active()): Recording {
    const parentSpan = trace.getSpanContext(parent)
    if (this.#tracer === undefined || !areSpansWanted(parent) || !mayBeRecorded(parentSpan)) {
      return unrecorded(parentSpan, parent)
    }
    try {
      const link = untrustedLink(parent)
      const span = this.#tracer.startSpan(name, link && { links: [link] }, parent)
      return this.#recording(span, span.spanContext(), parent)
    } catch {
      this.#onDropped()
      return unrecorded(undefined, parent)
    }
  }

  #recording(span: Span, spanContext: SpanContext, parent: Context): Recording {
    return {
      traceparent: () => toTraceparent(spanContext),
      run: (work) => context.with(trace.setSpan(withoutUntrustedLink(parent), span), work),
      end: (report) => {
        try {
          if (span.isRecording()) write(span, report())
          span.end()
        } catch {
          this.#onDropped()
        }
      }
    }
  }
}

function write(span: Span, { attributes, links = [], event, failure }: SpanReport): void {
  span.setAttributes(attributes)
  for (const link of links) span.addLink(link)
  if (event !== undefined) span.addEvent(event.name, event.attributes)
  if (failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: failure })
}

function unrecorded(parentSpan: SpanContext | undefined, within: Context): Recording {
  return {
    traceparent: () => toTraceparent(parentSpan),
    run: (work) => context.with(within, work),
    end: () => {}
  }
}
