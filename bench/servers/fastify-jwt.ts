import fastifyJwt from '@fastify/jwt'
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { audience, issuer, scope } from '../scenario.ts'
import { announce, settings } from './channel.ts'

export interface FastifyJwtSettings {
  publicKey: string
  cache: boolean
}

const { publicKey, cache } = settings<FastifyJwtSettings>()

const app = fastify()
await app.register(fastifyJwt, {
  secret: { public: publicKey },
  verify: { algorithms: ['RS256'], allowedIss: issuer, allowedAud: audience, checkTyp: 'at+jwt', cache }
})

async function requireScope(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const claims = await request.jwtVerify<{ scope: string }>()
  if (!claims.scope.split(' ').includes(scope)) reply.code(403).send()
}

app.get('/orders', { onRequest: requireScope }, async () => ({ ok: true }))
await app.listen({ port: 0, host: '127.0.0.1' })
announce(app.server)
