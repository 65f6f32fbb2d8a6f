import fastifyJwt, { type JWT } from '@fastify/jwt'
import type { FastifyInstance } from 'fastify'
import type { OwnIssuer, VerificationKey } from './issuer.ts'
import type { SigningKey } from './signing-keys.ts'
import { verifierOptions } from './verifier-options.ts'

interface OwnIssuerOptions {
  readonly issuer: string
  readonly audience: readonly string[]
  readonly keys: readonly SigningKey[]
  /** Seconds by which the clocks of our replicas may differ. */
  readonly clockTolerance: number
}

/** One namespace of @fastify/jwt per key. */
async function verifyWithFastifyJwt(
  scope: FastifyInstance,
  { issuer, audience }: OwnIssuerOptions,
  { kid, algorithm, publicPem }: SigningKey
): Promise<VerificationKey> {
  await scope.register(fastifyJwt, {
    namespace: kid,
    secret: { public: publicPem, private: '' },
    verify: verifierOptions(algorithm, { issuer, audience, profile: 'rfc9068' })
  })
  const { verify } = Reflect.get(scope.jwt, kid) as JWT
  return { algorithm, verify: (token) => verify<Record<string, unknown>>(token) }
}

/**
 * This server as an issuer. Its tokens end exactly at `exp`: the store counts them as ended then, and the clock that
 * set it is the clock that reads it.
 */
export async function ownIssuer(fastify: FastifyInstance, options: OwnIssuerOptions): Promise<OwnIssuer> {
  const keys = new Map<string, VerificationKey>()
  await fastify.register(async (scope) => {
    // Namespaces are written into `jwt`: without one of this scope's own, into the application's.
    scope.decorate('jwt', Object.create(null) as JWT)
    for (const key of options.keys) keys.set(key.kid, await verifyWithFastifyJwt(scope, options, key))
  })
  const keySet = { keys, isCurrent: () => true }
  return {
    name: options.issuer,
    own: true,
    tolerance: { start: options.clockTolerance, end: 0 },
    keySet: () => keySet
  }
}
