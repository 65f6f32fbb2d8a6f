import type { FastifyInstance } from 'fastify'

/** Whether requests are any use here: for load balancers. `/health` says that the process lives, this that it can work. */
export async function readiness(scope: FastifyInstance): Promise<void> {
  scope.get('/ready', { logLevel: 'warn' }, async (_request, reply) => {
    if (await scope.oauth.isReady()) return { status: 'ready' }
    return reply.code(503).header('retry-after', '5').send({ status: 'unavailable' })
  })
}
