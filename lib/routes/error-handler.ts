import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { asOAuthError, OAuthError } from '../oauth/errors.ts'

/** Refusals of Fastify itself (an oversized body, a bad Content-Type) in the form OAuth clients understand. */
function fromFastify(error: FastifyError): OAuthError {
  const status = Math.trunc(Number(error.statusCode ?? 500))
  if (status === 415) return new OAuthError('invalid_request', 'The request is malformed.')
  if (status === 413) return new OAuthError('invalid_request', 'The request body is too large.', { status })
  if (status >= 400 && status < 500) return new OAuthError('invalid_request', 'The request is malformed.', { status })
  return asOAuthError(error)
}

/** An error as it is told to clients, whoever threw it. */
export function asRefusal(error: unknown): OAuthError {
  return error instanceof OAuthError ? error : fromFastify(error as FastifyError)
}

/** Answers with the error of RFC 6749 section 5.2; whatever it was caused by goes to the log only. */
export function oauthErrorHandler(realm: string) {
  return function handleOAuthError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const { code, description, status, retryAfter, cause } = asRefusal(error)
    if (status >= 500) request.log.error({ err: cause }, description)
    if (status === 401) reply.header('www-authenticate', `Basic realm="${realm}"`)
    if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter))
    return reply
      .code(status)
      .type('application/json; charset=utf-8')
      .send({ error: code, error_description: description })
  }
}
