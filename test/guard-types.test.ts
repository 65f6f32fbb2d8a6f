import type { FastifyInstance, FastifyPluginAsync, FastifyTypeProvider } from 'fastify'
import t from 'tap'
import type { AccessTokenClaims, RequireHook } from '../lib/index.ts'
import { makeKey, signJwt } from './support/jwt.ts'
import { buildResourceServer, trustIn } from './support/resource-server.ts'

// `tsc --noEmit` is the test of the types; what runs below shows that they do not lie.

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function assertType<_T extends true>(): void {}

/** A type provider as @fastify/type-provider-* make them: here the schema is its type. */
interface SchemaIsType extends FastifyTypeProvider {
  validator: this['schema']
  serializer: this['schema']
}

const anySchema = { type: 'object' } as const
const key = makeKey('key-1')

t.test('request.token is typed on plain routes, under a type provider and in a scope', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  const hook = fastify.oauth.require('orders:read')
  assertType<Equal<typeof hook, RequireHook>>()

  fastify.get('/plain', { onRequest: hook }, async (request) => {
    const { token } = request
    assertType<Equal<typeof request.token.claims, AccessTokenClaims>>()
    assertType<Equal<typeof request.token.claims.sub, string | undefined>>()
    assertType<Equal<typeof request.token.claims.custom, unknown>>()
    assertType<Equal<typeof request.token.scope, readonly string[]>>()
    // @ts-expect-error claims are read-only
    t.throws(() => (request.token.claims.sub = 'bob'), TypeError)
    // @ts-expect-error the token is read-only
    t.throws(() => (request.token = token), TypeError)
    return request.token.claims.sub
  })

  const typed = fastify.withTypeProvider<SchemaIsType>()
  typed.get('/typed', { onRequest: [hook], schema: { querystring: anySchema } }, async (request) => {
    assertType<Equal<typeof request.query, typeof anySchema>>()
    assertType<Equal<typeof request.token.claims, AccessTokenClaims>>()
    return request.token.claims.sub
  })
  typed.route({
    method: 'GET',
    url: '/route',
    onRequest: typed.oauth.require(),
    handler: async ({ token }) => token.claims.sub
  })

  const plugin: FastifyPluginAsync = async (scope: FastifyInstance) => {
    scope.addHook('onRequest', scope.oauth.require())
    scope.addHook('preHandler', scope.oauth.require())
    scope.get('/scope', async ({ token }) => token.claims.sub)
  }
  await fastify.register(plugin)

  for (const url of ['/plain', '/typed', '/route', '/scope']) {
    const response = await fastify.inject({ url, headers: { authorization: `Bearer ${signJwt(key)}` } })
    t.equal(`${response.statusCode} ${response.body}`, '200 alice', url)
  }
})
