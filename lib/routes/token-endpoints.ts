import { context } from '@opentelemetry/api'
import type { FastifyInstance, FastifyRequest, FastifySchema, HTTPMethods } from 'fastify'
import { introspection } from '../oauth/endpoints/introspection.ts'
import { revocation } from '../oauth/endpoints/revocation.ts'
import { OAuthError } from '../oauth/errors.ts'
import type { Kernel } from '../oauth/kernel.ts'
import type { TokenServer } from '../oauth/server.ts'
import type { EndpointRequest } from '../oauth/wire/request.ts'
import { requestContext, type TraceTrust } from '../telemetry/request-context.ts'
import { authorizationHeaders } from './authorization-header.ts'
import { asRefusal, oauthErrorHandler } from './error-handler.ts'
import { openRoutes } from './open-routes.ts'
import * as schemas from './schemas.ts'
import { sourceOf } from './source.ts'

/** No request to these endpoints needs more. */
const BODY_LIMIT = 16_384

const endpointRequest = (request: FastifyRequest): EndpointRequest => ({
  authorization: authorizationHeaders(request),
  body: typeof request.body === 'string' ? request.body : undefined,
  source: sourceOf(request.ip)
})

export interface TokenEndpointOptions {
  readonly kernel: Kernel
  readonly server: TokenServer
  readonly realm: string
  readonly trustIncomingTrace: TraceTrust
}

/** RFC 6749 section 3.2: the client must use POST. */
const OTHER_METHODS: HTTPMethods[] = ['GET', 'PUT', 'PATCH', 'DELETE']

/** The endpoints clients post forms to. Content types, errors and headers stay inside this scope. */
export async function tokenEndpoints(scope: FastifyInstance, options: TokenEndpointOptions): Promise<void> {
  const { kernel, server, realm, trustIncomingTrace } = options

  openRoutes(scope)
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: BODY_LIMIT },
    async (_request: FastifyRequest, body: string) => body
  )
  // Read and let go: OAuth's own refusal follows, and the connection stays usable.
  scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: BODY_LIMIT }, async () => undefined)
  const answerError = oauthErrorHandler(realm)
  scope.setErrorHandler(answerError)
  // The schemas describe; OAuth's own rules check, and answer with OAuth's own errors.
  scope.setValidatorCompiler(() => () => true)
  scope.setSerializerCompiler(() => JSON.stringify)

  scope.addHook('onRequest', async function forbidCaching(_request, reply) {
    reply.headers({ 'cache-control': 'no-store', pragma: 'no-cache' })
  })
  scope.addHook('preHandler', function enterTrace(request, _reply, done) {
    context.with(requestContext(request, request.routeOptions.config, trustIncomingTrace), done)
  })

  /** What Fastify refused, or a hook of the application, is a refusal of the token endpoint like any other. */
  async function tellOf(error: unknown, request: FastifyRequest): Promise<void> {
    const refused = asRefusal(error).withFacts({ clientId: undefined, reason: undefined })
    await server.token({ ...endpointRequest(request), refused }).catch(() => {})
  }
  const observed = new WeakSet<FastifyRequest>()
  scope.post('/token', {
    schema: schemas.token,
    handler(request) {
      observed.add(request)
      return server.token(endpointRequest(request))
    },
    async errorHandler(error, request, reply) {
      if (!observed.has(request)) await tellOf(error, request)
      return answerError(error, request, reply)
    }
  })

  scope.post('/revoke', { schema: schemas.revocation }, async (request, reply) => {
    await revocation(kernel, server, endpointRequest(request))
    return reply.code(200).send()
  })

  scope.post('/introspect', { schema: schemas.introspection }, (request) =>
    introspection(kernel, server, endpointRequest(request))
  )

  // Fastify's own 404 would repeat the URL, with what clients put into its query by mistake, to them and to the log.
  for (const url of ['/token', '/revoke', '/introspect']) {
    scope.route({
      method: OTHER_METHODS,
      url,
      schema: { hide: true } as FastifySchema,
      async handler(request, reply) {
        reply.header('allow', 'POST')
        const refusal = new OAuthError('invalid_request', 'The method must be POST.', { status: 405 })
        if (url === '/token') await tellOf(refusal, request)
        throw refusal
      }
    })
  }
}
