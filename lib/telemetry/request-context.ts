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
import { headerValues } from './raw-headers.ts'

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
function contextOf(request: FastifyRequest, trust: TraceTrust, active: Context): Context {
  const traced = request as TracedRequest
  const plugin = traced.opentelemetry?.().context ?? traced.openTelemetry?.().context
  if (plugin !== undefined) return plugin
  const remote = propagation.extract(active, request.raw.rawHeaders, RAW_HEADERS)
  if ((typeof trust === 'function' ? trust(request) : trust) === true) return remote
  const untrusted = trace.getSpanContext(remote)
  return untrusted === undefined ? ROOT_CONTEXT : ROOT_CONTEXT.setValue(LINK_KEY, { context: untrusted })
}

/**
 * The context that spans about a request belong to: the active span, else that of a tracing plugin, else what the
 * request's headers carry. From callers who are not trusted a new trace begins, with a link to theirs; and where this
 * cannot be told, a new trace without a link.
 *
 * @param config the `config` of its route; Fastify makes it anew for whoever asks
 */
export function requestContext(
  request: FastifyRequest,
  { otel }: { readonly otel?: boolean },
  trust: TraceTrust
): Context {
  const active = context.active()
  if (otel === false) return active.setValue(NO_SPANS_KEY, true)
  if (trace.getSpan(active) !== undefined) return active
  try {
    return contextOf(request, trust, active)
  } catch {
    return ROOT_CONTEXT
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
