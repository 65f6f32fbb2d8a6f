import Fastify, { type FastifyInstance, type LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import oauthTelemetry, { type OAuthTelemetryOptions } from '../../lib/index.ts'

export const ISSUER = 'https://auth.example'
export const AUDIENCE = 'https://api.example'

/** The issuer role with one client of each kind; ES256 because it is quick to make. */
export const OPTIONS = {
  issuer: ISSUER,
  audience: AUDIENCE,
  signingAlg: 'ES256',
  clients: [
    {
      id: 'reports',
      secret: 'reports-secret',
      grants: ['client_credentials'],
      scope: ['orders:read', 'orders:write']
    },
    { id: 'backend', secret: 'backend-secret', grants: ['refresh_token'], scope: ['orders:read', 'orders:write'] },
    { id: 'web', grants: ['refresh_token'], scope: ['orders:read', 'orders:write'] },
    { id: 'gateway', secret: 'gateway-secret', introspect: true }
  ]
} as const satisfies OAuthTelemetryOptions

/** `OPTIONS` with others; where those give keys, none is generated. */
export function withOptions(options: Partial<OAuthTelemetryOptions>): OAuthTelemetryOptions {
  const { signingAlg, ...others } = OPTIONS
  return { ...others, ...(options.signingKeys === undefined ? { signingAlg } : {}), ...options }
}

/** A Fastify server with the plugin, closed when the test ends. `/orders` needs `orders:read`. */
export async function buildServer(t: Test, options: Partial<OAuthTelemetryOptions> = {}): Promise<FastifyInstance> {
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  await fastify.register(oauthTelemetry, withOptions(options))
  fastify.get('/orders', { onRequest: fastify.oauth.require('orders:read') }, async ({ token }) => ({
    sub: token.claims.sub
  }))
  return fastify
}

/** A clock that stands still until it is moved; pass `clock.now` as the `now` option. */
export function stoppedClock(start = 1_800_000_000) {
  let time = start
  return {
    now: () => time,
    advance: (seconds: number) => {
      time += seconds
    }
  }
}

/** The Authorization header of client_secret_basic. */
export function basic(id: string, secret: string): string {
  const encode = (half: string) => encodeURIComponent(half).replaceAll('%20', '+')
  return `Basic ${Buffer.from(`${encode(id)}:${encode(secret)}`).toString('base64')}`
}

/** Posts a form, as OAuth clients do. */
export function postForm(
  fastify: FastifyInstance,
  url: string,
  form: Record<string, string> | string,
  headers: Record<string, string | string[]> = {}
): Promise<LightMyRequestResponse> {
  return fastify.inject({
    method: 'POST',
    url,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    payload: typeof form === 'string' ? form : new URLSearchParams(form).toString()
  })
}

/** Refreshes as the public client `web`. */
export function refresh(fastify: FastifyInstance, refreshToken: string, more: Record<string, string> = {}) {
  return postForm(fastify, '/oauth/token', {
    grant_type: 'refresh_token',
    client_id: 'web',
    refresh_token: refreshToken,
    ...more
  })
}

/** Calls the protected route. */
export function callOrders(fastify: FastifyInstance, accessToken: string) {
  return fastify.inject({ url: '/orders', headers: { authorization: `Bearer ${accessToken}` } })
}
