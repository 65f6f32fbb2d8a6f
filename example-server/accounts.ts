import type { FastifyInstance } from 'fastify'
import { continueTrace } from './otel.ts'
import { isPasswordOf } from './users.ts'

const text = { type: 'string', minLength: 1, maxLength: 256 } as const

const credentials = {
  type: 'object',
  required: ['username', 'password'],
  properties: { username: text, password: text }
} as const

const revocation = {
  type: 'object',
  required: ['subject', 'reason'],
  properties: { subject: text, reason: text }
} as const

/** What the application itself decides about tokens: who logs in, and whose tokens die. */
export async function accounts(scope: FastifyInstance, { canLogIn }: { readonly canLogIn: boolean }): Promise<void> {
  scope.addHook('preHandler', continueTrace)

  if (canLogIn) {
    scope.post<{ Body: { username: string; password: string } }>(
      '/login',
      { schema: { body: credentials } },
      async ({ body }, reply) => {
        reply.header('cache-control', 'no-store')
        const { username, password } = body
        if (!isPasswordOf(username, password)) {
          return reply
            .code(401)
            .send({ statusCode: 401, error: 'Unauthorized', message: 'The username or the password is wrong' })
        }
        return scope.oauth.issue({ clientId: 'web', subject: username, refreshable: true })
      }
    )
  }

  scope.post<{ Body: { subject: string; reason: string } }>(
    '/admin/revoke-all',
    { onRequest: scope.oauth.require('tokens:revoke'), schema: { body: revocation } },
    async ({ body }) => scope.oauth.revokeAll({ subject: body.subject, reason: body.reason, by: 'admin' })
  )
}
