import { randomBytes } from 'node:crypto'
import fastifyJwt, { type JWT } from '@fastify/jwt'
import type { FastifyInstance } from 'fastify'
import { refuse } from './refusals.ts'

/** A JWT that has been read, and not verified. */
export interface Decoded {
  readonly header: Readonly<Record<string, unknown>>
  readonly payload: Readonly<Record<string, unknown>>
  /** What has been signed: header and payload, as they stand in the token. */
  readonly input: string
  readonly signature: string
}

/** Reads a JWT (RFC 7519 section 7.2). @throws OAuthError reason `malformed` */
export type TokenDecoder = (token: string) => Decoded

/**
 * Reads with @fastify/jwt, under a name and in a scope of its own: the application's registration is untouched. It only
 * reads: it would verify on the event loop, and without the rules of `claims.ts` and `verification-keys.ts`.
 */
export async function tokenDecoder(fastify: FastifyInstance): Promise<TokenDecoder> {
  // It writes into `jwt`: without one of this scope's own, into the application's.
  const own = Object.create(null) as JWT & { readonly oauth2: JWT }
  await fastify.register(async (scope) => {
    scope.decorate('jwt', own)
    await scope.register(fastifyJwt, {
      namespace: 'oauth2',
      // It asks for one. Nobody has this one, and nothing is signed or verified with it.
      secret: randomBytes(32),
      decode: { complete: true }
    })
  })
  const { decode } = own.oauth2
  return (token) => {
    try {
      return decode(token) as Decoded
    } catch {
      throw refuse('malformed')
    }
  }
}
