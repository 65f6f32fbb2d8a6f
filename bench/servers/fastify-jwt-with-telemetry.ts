import fastifyJwt from '@fastify/jwt'
import { metrics, trace } from '@opentelemetry/api'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { audience, issuer, scope } from '../scenario.ts'
import { announce, settings } from './channel.ts'
import { startTelemetry } from './telemetry.ts'

/** The seed's validation middleware, translated line by line onto @fastify/jwt with its cache. */
export interface FastifyJwtWithTelemetrySettings {
  publicKey: string
}

interface Claims {
  client_id: string
  iat: number
  scope: string
}

const { publicKey } = settings<FastifyJwtWithTelemetrySettings>()
const stopTelemetry = startTelemetry([new PrometheusExporter({ preventServerStart: true })])
const tracer = trace.getTracer('oauth2.tokens')
const validated = metrics.getMeter('oauth2.tokens').createCounter('oauth2.token.validated')

const app = fastify()
await app.register(fastifyJwt, {
  secret: { public: publicKey },
  verify: { algorithms: ['RS256'], allowedIss: issuer, allowedAud: audience, checkTyp: 'at+jwt', cache: true }
})

async function requireScope(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  await tracer.startActiveSpan('oauth2.token.validate', async (span) => {
    const claims = await request.jwtVerify<Claims>()
    span.setAttribute('oauth2.client_id', claims.client_id)
    span.setAttribute('oauth2.token_age', Date.now() / 1000 - claims.iat)
    validated.add(1, { 'oauth2.client_id': claims.client_id, 'oauth2.validation.result': 'valid' })
    span.end()
    if (!claims.scope.split(' ').includes(scope)) reply.code(403).send()
  })
}

app.get('/orders', { onRequest: requireScope }, async () => ({ ok: true }))
await app.listen({ port: 0, host: '127.0.0.1' })
announce(app.server, {}, stopTelemetry)
