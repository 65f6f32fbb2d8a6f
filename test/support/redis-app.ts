import fastifyRedis from '@fastify/redis'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import oauthTelemetry from '../../lib/index.ts'
import { RedisStore } from '../../lib/stores/redis.ts'
import type { RedisServer } from './redis.ts'
import { OPTIONS } from './server.ts'

/** A Fastify server as an application builds it on @fastify/redis. `/orders` needs `orders:read`. */
export async function buildOnRedis(t: Test, { url }: RedisServer): Promise<FastifyInstance> {
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  await fastify.register(fastifyRedis, { url, connectTimeout: 1000, commandTimeout: 1000, maxRetriesPerRequest: 0 })
  fastify.redis.on('error', () => {})
  await fastify.register(oauthTelemetry, { ...OPTIONS, store: new RedisStore({ client: fastify.redis }) })
  fastify.get('/orders', { onRequest: fastify.oauth.require('orders:read') }, async ({ token }) => ({
    sub: token.claims.sub
  }))
  return fastify
}
