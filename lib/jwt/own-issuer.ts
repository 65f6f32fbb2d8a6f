import fastifyJwt, { type JWT } from '@fastify/jwt'
import type { FastifyInstance } from 'fastify'
import { REQUIRED_CLAIMS } from './claims.ts'
import type { Issuer, VerificationKey } from './issuer.ts'
import type { SigningKey } from './signing-keys.ts'

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
    verify: {
      algorithms: [algorithm],
      allowedIss: issuer,
      allowedAud: [...audience],
      requiredClaims: [...REQUIRED_CLAIMS.rfc9068],
      checkTyp: 'at+jwt',
      cache: false,
      // The times are checked with the kernel's clock, on remembered tokens too.
      ignoreExpiration: true,
      ignoreNotBefore: true
    }
  })
  const jwt = (scope.jwt as unknown as Record<string, JWT>)[kid]
  if (jwt === undefined) throw new TypeError('@fastify/jwt did not register')
  return { kid, algorithm, verify: (token) => jwt.verify<Record<string, unknown>>(token) }
}

/**
 * This server as an issuer. Its tokens end exactly at `exp`: the store counts them as ended then, and the clock that
 * set it is the clock that reads it.
 */
export async function ownIssuer(fastify: FastifyInstance, options: OwnIssuerOptions): Promise<Issuer> {
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
