import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import oauthTelemetry from '../lib/index.ts'
import { accounts } from './accounts.ts'
import type { Configuration } from './configuration.ts'
import { readiness } from './readiness.ts'
import { openStore } from './stores.ts'

/** As Fastify logs requests, but without what follows the path: people put tokens there. */
function loggedRequest({ method, url, host, ip }: FastifyRequest) {
  return { method, url: url.replace(/[?#;].*/s, ''), host, remoteAddress: ip }
}

const NOTICE = {
  development: 'the demo clients and demo users are for development only: their secrets are public',
  production:
    'THE DEMO CLIENTS AND DEMO USERS ARE ACTIVE IN PRODUCTION: anyone can get tokens. Set OAUTH_CLIENTS and replace POST /login'
} as const

const order = {
  type: 'object',
  required: ['item'],
  additionalProperties: false,
  properties: { item: { type: 'string', minLength: 1, maxLength: 100 } }
} as const

/** Builds the server; it does not listen yet. */
export async function buildApp(configuration: Configuration): Promise<FastifyInstance> {
  const { issuer, audience, clients, logLevel, demo } = configuration
  const app = Fastify({
    logger: { level: logLevel, serializers: { req: loggedRequest } },
    // Against clients that send slowly on purpose. The limit for headers acts only if it is the smaller one.
    requestTimeout: 30_000,
    http: { headersTimeout: 10_000, connectionsCheckingInterval: 2_000 },
    // Fastify's own answer to a URL that it cannot decode repeats the URL.
    frameworkErrors: (_error, _request, reply: FastifyReply) => {
      reply.code(400).send({ statusCode: 400, error: 'Bad Request', message: 'The URL is malformed' })
    }
  })
  if (demo !== undefined) app.log[demo === 'production' ? 'error' : 'warn'](NOTICE[demo])

  // Fastify logs this error at level trace, with the packet that could not be parsed.
  app.server.prependListener('clientError', (error: { rawPacket?: unknown }) => {
    delete error.rawPacket
  })
  // Fastify's own answer repeats the URL, query included, and logs it.
  app.setNotFoundHandler((_request, reply) => {
    reply.code(404).send({ statusCode: 404, error: 'Not Found', message: 'There is nothing here' })
  })

  const opened = await openStore(configuration.store, app.log)
  // Hooks of this kind run last first: after the plugin has closed the store.
  if (opened !== undefined) app.addHook('onClose', opened.end)
  await app.register(oauthTelemetry, { issuer, audience, clients, ...(opened && { store: opened.store }) })

  app.get('/health', async () => ({ status: 'ok' }))
  await app.register(readiness)

  app.get('/orders', { onRequest: app.oauth.require('orders:read') }, async ({ token }) => ({
    owner: token.claims.sub,
    orders: [{ item: 'a looking-glass' }]
  }))
  app.post<{ Body: { item: string } }>(
    '/orders',
    { onRequest: app.oauth.require('orders:write'), schema: { body: order } },
    async ({ token, body }, reply) => reply.code(201).send({ owner: token.claims.sub, item: body.item })
  )

  const canLogIn = clients.some(({ id, grants }) => id === 'web' && grants?.includes('refresh_token'))
  if (!canLogIn) app.log.warn('there is no POST /login: OAUTH_CLIENTS has no client "web" with the grant refresh_token')
  await app.register(accounts, { canLogIn })
  return app
}
