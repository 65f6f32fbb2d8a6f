import {
  type Context,
  context,
  createContextKey,
  type Link,
  propagation,
  ROOT_CONTEXT,
  type TextMapGetter,
  trace
} from '@opentelemetry/api'
import type { FastifyRequest } from 'fastify'
import { LinkedContext } from './linked-context.ts'
import { headerValues } from './raw-headers.ts'
import { remoteSpan } from './remote-span.ts'
import { isSampled } from './trace-context.ts'
import { originOf, type TraceOrigin } from './trace-origin.ts'

/** Whether the trace context that a request brings may be the parent of our spans. */
export type TraceTrust = boolean | ((request: FastifyRequest) => boolean)

/** Reads trace context from the raw headers, so that they need not all be parsed for it. */
const RAW_HEADERS: TextMapGetter<readonly string[]> = {
  keys: (rawHeaders) => rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase()),
  get(rawHeaders, name) {
    const values = headerValues(rawHeaders, name.toLowerCase())
    return values.length > 1 ? values : values[0]
  }
}

const NO_SPANS_KEY = createContextKey('oauth2 spans are not wanted')
const LINK_KEY = createContextKey('oauth2 link to the untrusted remote context')

/** Requests as tracing plugins decorate them: @fastify/otel with `opentelemetry`, autotelic's with `openTelemetry`. */
interface TracedRequest {
  opentelemetry?: () => { context?: Context }
  openTelemetry?: () => { context?: Context }
}

/** False where a route said `config: { otel: false }`, as @fastify/otel has it. */
export function areSpansWanted(of: Context): boolean {
  return of.getValue(NO_SPANS_KEY) === undefined
}

/** @throws what a tracing plugin, a propagator or the application's `trust` throws */
function originBy(request: FastifyRequest, trust: TraceTrust, active: Context): TraceOrigin {
  const traced = request as TracedRequest
  const plugin = traced.opentelemetry?.().context ?? traced.openTelemetry?.().context
  if (plugin !== undefined) return originOf(plugin)
  const { rawHeaders } = request.raw
  const isTrusted = (typeof trust === 'function' ? trust(request) : trust) === true
  const span = remoteSpan(rawHeaders)
  if (isTrusted && span !== undefined) {
    return { isUnsampled: !isSampled(span), context: () => trace.setSpanContext(new LinkedContext(active), span) }
  }
  const remote = propagation.extract(active, rawHeaders, RAW_HEADERS)
  if (isTrusted) return originOf(remote)
  const untrusted = trace.getSpanContext(remote)
  return originOf(untrusted === undefined ? ROOT_CONTEXT : ROOT_CONTEXT.setValue(LINK_KEY, { context: untrusted }))
}

/**
 * Where spans about a request belong: under the active span, else in the context of a tracing plugin, else under what the
 * request's headers name. From callers who are not trusted a new trace begins, with a link to theirs; and where this
 * cannot be told, a new trace without a link.
 *
 * @param config the `config` of its route; Fastify makes it anew for whoever asks
 */
export function requestOrigin(
  request: FastifyRequest,
  { otel }: { readonly otel?: boolean },
  trust: TraceTrust
): TraceOrigin {
  const active = context.active()
  if (otel === false) return originOf(active.setValue(NO_SPANS_KEY, true))
  if (trace.getSpan(active) !== undefined) return originOf(active)
  try {
    return originBy(request, trust, active)
  } catch {
    return originOf(ROOT_CONTEXT)
  }
}

/** The link to the remote context that was not trusted, if there is one. */
export function untrustedLink(of: Context): Link | undefined {
  return of.getValue(LINK_KEY) as Link | undefined
}

/** For what happens inside the span that has the link: it is for the root of the new trace only. */
export function withoutUntrustedLink(of: Context): Context {
  return untrustedLink(of) === undefined ? of : of.deleteValue(LINK_KEY)
}
