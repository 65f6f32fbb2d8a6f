// The published types, as an application sees them; compiled with skipLibCheck off.
import Fastify, { type FastifyInstance } from 'fastify'
import oauthTelemetry, {
  MemoryStore,
  OAuthError,
  type OAuthTelemetryOptions,
  type TokenEvent
} from 'fastify-oauth-telemetry'

const options: OAuthTelemetryOptions = {
  issuer: 'https://auth.example',
  audience: 'https://api.example',
  clients: [{ id: 'reports', secret: 'reports-secret', grants: ['client_credentials'], scope: ['orders:read'] }],
  store: new MemoryStore(),
  telemetry: { onEvent: (event: TokenEvent) => console.log(event.operation) }
}

export async function build(): Promise<FastifyInstance> {
  const fastify = Fastify()
  await fastify.register(oauthTelemetry, options)
  fastify.get('/orders', { onRequest: fastify.oauth.require('orders:read') }, async (request) => {
    const owner: string | undefined = request.token.claims.sub
    return { owner }
  })
  // @ts-expect-error a misspelt option
  await fastify.register(oauthTelemetry, { isuer: 'https://auth.example' })
  try {
    await fastify.oauth.revokeAll({ subject: 'alice', reason: 'admin', by: 'admin' })
  } catch (error) {
    if (error instanceof OAuthError) console.error(error.code)
  }
  return fastify
}
