import { isSpanContextValid, type Link, type SpanContext, TraceFlags } from '@opentelemetry/api'

/** `00-<trace-id>-<parent-id>-<flags>`: the traceparent of W3C Trace Context, level 1; none without an SDK. */
export function toTraceparent(spanContext: SpanContext | undefined): string | undefined {
  if (spanContext === undefined || !isSpanContextValid(spanContext)) return undefined
  const { traceId, spanId, traceFlags } = spanContext
  // Joined, it is one piece; a template would keep its parts alive for as long as the token.
  return ['00', traceId, spanId, traceFlags.toString(16).padStart(2, '0')].join('-')
}

/** An id of zeros only names nothing. */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** A link to the operation a traceparent names; none when there is no valid one. */
export function linkTo(traceparent: string | undefined): Link[] {
  if (traceparent === undefined || !TRACEPARENT.test(traceparent)) return []
  const context: SpanContext = {
    traceId: traceparent.slice(3, 35),
    spanId: traceparent.slice(36, 52),
    traceFlags: Number.parseInt(traceparent.slice(53), 16),
    isRemote: true
  }
  return [{ context }]
}

/** Whether a span under this parent would be seen by anybody: true without a parent, when sampling decides. */
export function mayBeRecorded(parent: SpanContext | undefined): boolean {
  return parent === undefined || (parent.traceFlags & TraceFlags.SAMPLED) !== 0 || !isSpanContextValid(parent)
}
