import type { FastifyInstance } from 'fastify'
import type { OAuthTelemetryOptions } from './options/options.ts'

function slowLorisAdvice({ server }: FastifyInstance): string | undefined {
  if (!('requestTimeout' in server)) return undefined
  const { requestTimeout, headersTimeout } = server
  if (requestTimeout > 0 && headersTimeout <= requestTimeout) return undefined
  return 'without a proxy in front, set requestTimeout, a smaller http.headersTimeout and a short http.connectionsCheckingInterval, or slow clients can hold connections open'
}

/** Says, once and in production only, what is fine for development and not for the world. */
export function warnInProduction(
  fastify: FastifyInstance,
  { clients, store, signingKeys, signingKeySecret, metrics }: OAuthTelemetryOptions
): void {
  if (process.env.NODE_ENV !== 'production') return
  const issues = clients !== undefined
  const keepsKey = issues && signingKeys === undefined && signingKeySecret === undefined
  const open =
    metrics !== false &&
    (typeof metrics !== 'object' || ([metrics.onRequest ?? []].flat().length === 0 && metrics.port === undefined))
  const advice = [
    issues && store === undefined && 'no store is given: tokens are kept in memory and end with this process',
    keepsKey &&
      store !== undefined &&
      store.keepsPrivately !== true &&
      'the signing key is kept in the store, where others may read it: give signingKeySecret to seal it, or signingKeys',
    open && '/metrics is open to everyone: give metrics.onRequest, or metrics.port for a listener of its own',
    slowLorisAdvice(fastify)
  ]
  for (const sentence of advice) if (sentence) fastify.log.warn(`fastify-oauth-telemetry: ${sentence}`)
}
