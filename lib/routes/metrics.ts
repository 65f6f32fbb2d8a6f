import { createServer } from 'node:http'
import type { FastifyInstance, FastifySchema, onRequestHookHandler } from 'fastify'
import { type MetricsText, PROMETHEUS_CONTENT_TYPE } from '../telemetry/prometheus.ts'
import { openRoutes } from './open-routes.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `false` keeps the route out of traces. The same declaration as that of @fastify/otel, which may be absent. */
    otel?: boolean
  }
}

/** What a scrape answers with. */
interface Scrape {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Half of what Prometheus waits by default: a collection that hangs is answered before it gives up. */
const COLLECT_TIMEOUT = 5_000

/** @throws Error when it takes longer than a scrape may */
async function inTime<T>(work: Promise<T>): Promise<T> {
  const { promise: timeout, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error('collecting the metrics took too long')), COLLECT_TIMEOUT)
  try {
    return await Promise.race([work, timeout])
  } finally {
    clearTimeout(timer)
  }
}

/** Collects the metrics; when that fails it says so, rather than that there are none. */
async function scrape(text: MetricsText, log: FastifyInstance['log']): Promise<Scrape> {
  try {
    const body = await inTime(text())
    return { status: 200, headers: { 'content-type': PROMETHEUS_CONTENT_TYPE }, body }
  } catch (error) {
    log.error({ err: error }, 'the metrics could not be collected')
    return { status: 503, headers: { 'content-type': 'text/plain; charset=utf-8', 'retry-after': '5' }, body: '' }
  }
}

export interface MetricsRouteOptions {
  readonly text: MetricsText
  readonly path: string
  readonly guard: onRequestHookHandler | onRequestHookHandler[] | undefined
}

/** `/metrics` on the application's own listener, kept out of its request log and its traces. */
export async function metricsRoute(scope: FastifyInstance, options: MetricsRouteOptions): Promise<void> {
  const { text, path, guard } = options
  // Where the application has said who may scrape, nothing is waived: its hook may be `oauth.require` itself.
  if (guard === undefined) openRoutes(scope)
  scope.route({
    method: 'GET',
    url: path,
    logLevel: 'silent',
    config: { otel: false },
    schema: { hide: true } as FastifySchema,
    ...(guard === undefined ? {} : { onRequest: guard }),
    handler: async (_request, reply) => {
      const { status, headers, body } = await scrape(text, scope.log)
      return reply.code(status).headers(headers).send(body)
    }
  })
}

export interface MetricsListenerOptions {
  readonly text: MetricsText
  readonly path: string
  readonly port: number
  readonly host: string
}

/** `/metrics` on a listener of its own; it opens when the application is ready and closes with it. */
export function metricsListener(fastify: FastifyInstance, { text, path, port, host }: MetricsListenerOptions): void {
  const server = createServer(async (request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== path) {
      response.writeHead(404).end()
      return
    }
    const { status, headers, body } = await scrape(text, fastify.log)
    response.writeHead(status, headers).end(body)
  })
  fastify.addHook('onReady', async () => {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, host, resolve)
    })
    fastify.log.info({ metrics: server.address() }, 'metrics are served on a listener of their own')
  })
  fastify.addHook('onClose', async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
}
