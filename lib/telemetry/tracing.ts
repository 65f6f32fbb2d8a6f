import { type Context, context, type Tracer, trace } from '@opentelemetry/api'
import { SCOPE_NAME } from './conventions.ts'
import { Recorded, type Recording, Unrecorded } from './recording.ts'
import { areSpansWanted, untrustedLink } from './request-context.ts'
import { mayBeRecorded } from './trace-context.ts'

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
    if (this.#tracer === undefined || !areSpansWanted(parent) || !mayBeRecorded(trace.getSpanContext(parent))) {
      return new Unrecorded(parent)
    }
    try {
      const link = untrustedLink(parent)
      const span = this.#tracer.startSpan(name, link && { links: [link] }, parent)
      return new Recorded(span, parent, this.#onDropped)
    } catch {
      this.#onDropped()
      return new Unrecorded(parent)
    }
  }
}
