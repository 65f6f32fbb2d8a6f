import type { FastifyRequest } from 'fastify'

function requestWithoutQuery({ method, url, host, ip, socket }: FastifyRequest) {
  return { method, url: url.replace(/[?#;].*/s, ''), host, remoteAddress: ip, remotePort: socket?.remotePort }
}

/**
 * The request log of the token endpoints, without the query: what clients put there by mistake stays secret.
 * Fastify types serializers as giving strings; pino takes any value, and Fastify's own give objects.
 */
export const withoutQuery = { req: requestWithoutQuery } as unknown as Record<string, (value: unknown) => string>
