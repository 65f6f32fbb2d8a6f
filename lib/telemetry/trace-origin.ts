import { type Context, context, propagation, trace } from '@opentelemetry/api'
import type { FastifyRequest } from 'fastify'
import { headerValues } from './raw-headers.ts'
import { pluginContext, requestContext, type TraceTrust } from './request-context.ts'

/** Where what is being done comes from. */
export interface TraceOrigin {
  /** Its trace is not recorded, so that nobody would see a span of ours. False where only the context tells. */
  readonly isUnsampled: boolean
  /** The context that spans about it belong to. */
  readonly context: () => Context
}

/** What the application is doing. */
export const activeOrigin: TraceOrigin = { isUnsampled: false, context: () => context.active() }

/**
 * A request as an origin. Its context is made when somebody asks for it: to read it off the headers takes longer than to
 * decide about a token that has been seen before.
 *
 * @param config the `config` of its route
 */
export function requestOrigin(
  request: FastifyRequest,
  config: { readonly otel?: boolean },
  trust: TraceTrust
): TraceOrigin {
  return {
    isUnsampled: trust === true && config.otel !== false && saysUnsampled(request),
    context: () => requestContext(request, config, trust)
  }
}

/** W3C Trace Context, level 1, section 3.2: a valid traceparent without the sampled flag. */
const UNSAMPLED = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f][02468ace]$/

/** The headers of the W3C's own propagators. */
const W3C_HEADERS: readonly string[] = ['traceparent', 'tracestate', 'baggage']

/** Whether the request's headers alone say which trace it belongs to, and that this is not recorded. */
function saysUnsampled(request: FastifyRequest): boolean {
  const { rawHeaders } = request.raw
  const [traceparent, another] = headerValues(rawHeaders, 'traceparent')
  if (traceparent === undefined || another !== undefined || !UNSAMPLED.test(traceparent)) return false
  try {
    if (trace.getSpan(context.active()) !== undefined || pluginContext(request) !== undefined) return false
    const read = propagation.fields()
    const isRead = (header: string) => W3C_HEADERS.includes(header) || headerValues(rawHeaders, header).length === 0
    return read.includes('traceparent') && read.every(isRead)
  } catch {
    return false
  }
}
