import {
  type Attributes,
  type Context,
  context,
  type Link,
  type Span,
  type SpanContext,
  SpanStatusCode,
  trace
} from '@opentelemetry/api'
import { withoutUntrustedLink } from './request-context.ts'
import { toTraceparent } from './trace-context.ts'

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

/** A span, from whose methods nothing is thrown once it is here. */
export class Recorded implements Recording {
  readonly #span: Span
  readonly #spanContext: SpanContext
  readonly #parent: Context
  readonly #onDropped: () => void

  /** @throws what the span throws about its context */
  constructor(span: Span, parent: Context, onDropped: () => void) {
    this.#span = span
    this.#spanContext = span.spanContext()
    this.#parent = parent
    this.#onDropped = onDropped
  }

  traceparent(): string | undefined {
    return toTraceparent(this.#spanContext)
  }

  run<T>(work: () => T): T {
    return context.with(trace.setSpan(withoutUntrustedLink(this.#parent), this.#span), work)
  }

  end(report: () => SpanReport): void {
    try {
      if (this.#span.isRecording()) this.#write(report())
      this.#span.end()
    } catch {
      this.#onDropped()
    }
  }

  #write({ attributes, links = [], event, failure }: SpanReport): void {
    const span = this.#span
    span.setAttributes(attributes)
    for (const link of links) span.addLink(link)
    if (event !== undefined) span.addEvent(event.name, event.attributes)
    if (failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: failure })
  }
}

/** No span; what happens belongs to the given context. */
export class Unrecorded implements Recording {
  readonly #within: Context

  constructor(within: Context) {
    this.#within = within
  }

  traceparent(): string | undefined {
    return toTraceparent(trace.getSpanContext(this.#within))
  }

  run<T>(work: () => T): T {
    return context.with(this.#within, work)
  }

  end(): void {}
}
