import { propagation, type SpanContext } from '@opentelemetry/api'
import { headerValues } from './raw-headers.ts'
import { parseTraceparent } from './trace-context.ts'

const TRACEPARENT = 'traceparent'

/**
 * The caller's span, where its `traceparent` says all: the application's propagator reads it, and of what else it reads
 * nothing is there. The same as the propagator would find, in a quarter of the time.
 *
 * @throws what the propagator throws
 */
export function remoteSpan(rawHeaders: readonly string[]): SpanContext | undefined {
  const [traceparent, another] = headerValues(rawHeaders, TRACEPARENT)
  if (traceparent === undefined || another !== undefined) return undefined
  const read = propagation.fields()
  const isAbsent = (header: string) => header === TRACEPARENT || headerValues(rawHeaders, header).length === 0
  return read.includes(TRACEPARENT) && read.every(isAbsent) ? parseTraceparent(traceparent) : undefined
}
