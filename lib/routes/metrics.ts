import { createServer } from 'node:http'
import type { FastifyInstance, FastifySchema, onRequestHookHandler } from 'fastify'
import type { MetricsText } from '../telemetry/prometheus.ts'
import { openRoutes } from './open-routes.ts'
import { scrapes } from './scrapes.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `false` keeps the route out of traces. The same declaration as that of @fastify/otel, which may be absent. */
    otel?: boolean
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
  const scrape = scrapes(text, scope.log)
  scope.route({
    method: 'GET',
    url: path,
    logLevel: 'silent',
    config: { otel: false },
    schema: { hide: true } as FastifySchema,
    ...(guard === undefined ? {} : { onRequest: guard }),
    handler: async (_request, reply) => {
      const { status, headers, body } = await scrape()
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
  const scrape = scrapes(text, fastify.log)
  const server = createServer(async (request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== path) {
      response.writeHead(404).end()
      return
    }
    const { status, headers, body } = await scrape()
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
