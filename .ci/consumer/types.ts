// The published types, as an application sees them; compiled with skipLibCheck off.
import Fastify, { type FastifyInstance } from 'fastify'
import oauthTelemetry, {
  MemoryStore,
  OAuthError,
  type OAuthTelemetryOptions,
  type TokenEvent
} from 'fastify-oauth-telemetry'
import { PostgresStore } from 'fastify-oauth-telemetry/stores/postgres'
import { type IoredisClient, RedisStore } from 'fastify-oauth-telemetry/stores/redis'
import { SqliteStore } from 'fastify-oauth-telemetry/stores/sqlite'

const options: OAuthTelemetryOptions = {
  issuer: 'https://auth.example',
  audience: 'https://api.example',
  clients: [{ id: 'reports', secret: 'reports-secret', grants: ['client_credentials'], scope: ['orders:read'] }],
  store: new MemoryStore(),
  storeTimeout: 1,
  revocationCheck: 'open',
  telemetry: { onEvent: (event: TokenEvent) => console.log(event.operation) }
}

/** Every store fits the option; clients are given by the application. */
export function stores(client: IoredisClient, pool: ConstructorParameters<typeof PostgresStore>[0]['pool']) {
  return [
    new SqliteStore({ path: './data/tokens.db', synchronous: 'full' }),
    new RedisStore({ client, prefix: 'oauth' }),
    new PostgresStore({ pool, schema: 'oauth' })
  ].map((store): OAuthTelemetryOptions => ({ ...options, store }))
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
