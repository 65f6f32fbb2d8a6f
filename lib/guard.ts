import type { FastifyReply, FastifyRequest } from 'fastify'
import { asOAuthError, type OAuthError } from './oauth/errors.ts'
import type { AccessToken } from './oauth/tokens/access-token.ts'
import { assertScopeTokens } from './oauth/tokens/scope.ts'
import { bearerChallenge } from './oauth/wire/challenge.ts'
import { authorizationHeaders } from './routes/authorization-header.ts'
import { isOpen } from './routes/open-routes.ts'
import type { ObservedResourceServer } from './telemetry/observe-resource-server.ts'
import { requestContext, type TraceTrust } from './telemetry/request-context.ts'

/** Where the guard leaves the token on the request. */
export const TOKEN: unique symbol = Symbol('oauth2 access token')

declare module 'fastify' {
  interface FastifyRequest {
    [TOKEN]: AccessToken | undefined
  }
}

/** An `onRequest` hook: for one route, in an array, or by `addHook` for a whole scope. */
export type RequireHook = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined>

export interface GuardOptions {
  readonly server: ObservedResourceServer
  readonly realm: string
  readonly trustIncomingTrace: TraceTrust
}

/**
 * Refuses by replying, not by throwing: a refusal is no failure of the application, and tracing plugins mark what is
 * thrown as one.
 */
function refuse(request: FastifyRequest, reply: FastifyReply, refusal: OAuthError, challenge: string): FastifyReply {
  const { code, status, description, retryAfter, facts } = refusal
  reply.code(status).header('cache-control', 'no-store')
  if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter))
  if (status < 500) reply.header('www-authenticate', challenge)
  if (refusal.cause !== undefined) request.log.error({ err: refusal.cause }, 'the access token could not be checked')
  if (facts.reason === 'missing') {
    return reply.send({ statusCode: status, error: 'Unauthorized', message: description })
  }
  return reply.send({ error: code, error_description: description })
}

/** Makes `require`: protects routes with Bearer tokens (RFC 6750). */
export function createGuard({ server, realm, trustIncomingTrace }: GuardOptions): (...scope: string[]) => RequireHook {
  return function require(...scope) {
    if (typeof scope[0] === 'object') throw new TypeError('oauth.require makes the hook: write oauth.require()')
    assertScopeTokens('oauth.require', scope)
    return async function requireToken(request, reply) {
      const { config } = request.routeOptions
      if (isOpen(config)) return undefined
      const validation = { authorization: authorizationHeaders(request), scope }
      try {
        const decided = server.validate(validation, requestContext(request, config, trustIncomingTrace))
        request[TOKEN] = decided instanceof Promise ? await decided : decided
        return undefined
      } catch (error) {
        const refusal = asOAuthError(error)
        return refuse(request, reply, refusal, bearerChallenge(realm, refusal, scope))
      }
    }
  }
}
