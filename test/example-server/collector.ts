import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import type { Test } from 'tap'

type Value = { readonly stringValue?: string; readonly intValue?: number | string; readonly doubleValue?: number }
type Pairs = readonly { readonly key: string; readonly value: Value }[]

/** A span as OTLP/JSON has it, as far as the tests look. */
export interface Span {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly attributes: Pairs
  readonly events: readonly { readonly name: string; readonly attributes: Pairs }[]
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[]
  readonly status: { readonly code: number; readonly message?: string }
}

export interface LogRecord {
  readonly eventName: string
  readonly traceId: string
  readonly spanId: string
}

interface Export {
  readonly resourceSpans?: readonly { readonly scopeSpans: readonly { readonly spans: readonly Span[] }[] }[]
  readonly resourceLogs?: readonly { readonly scopeLogs: readonly { readonly logRecords: readonly LogRecord[] }[] }[]
  readonly resourceMetrics?: readonly {
    readonly scopeMetrics: readonly { readonly metrics: readonly { readonly name: string }[] }[]
  }[]
}

export const attributesOf = ({ attributes }: { readonly attributes: Pairs }): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))

/** An OpenTelemetry collector that remembers what it was sent as OTLP/JSON. */
export async function startCollector(t: Test) {
  const spans: Span[] = []
  const logs: LogRecord[] = []
  const metrics = new Set<string>()
  const server = createServer(async (request, response) => {
    const sent = (await json(request)) as Export
    spans.push(...(sent.resourceSpans ?? []).flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)))
    logs.push(...(sent.resourceLogs ?? []).flatMap(({ scopeLogs }) => scopeLogs.flatMap((scope) => scope.logRecords)))
    for (const { scopeMetrics } of sent.resourceMetrics ?? []) {
      for (const { name } of scopeMetrics.flatMap((scope) => scope.metrics)) metrics.add(name)
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    /** The variables that make a process send everything here. */
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json'
    },
    spans,
    logs,
    metrics
  }
}

/** A server that accepts connections and says nothing; gives its URL. */
export async function startSilentServer(t: Test): Promise<string> {
  const server = createServer(() => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
