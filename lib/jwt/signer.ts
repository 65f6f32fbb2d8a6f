import fastifyJwt, { type JWT } from '@fastify/jwt'
import type { FastifyInstance } from 'fastify'
import { SignJWT } from 'jose'
import type { AccessTokenSigner } from '../oauth/access-token.ts'
import type { Algorithm } from './algorithms.ts'
import type { SigningKey } from './signing-keys.ts'

/** RFC 9068 section 2.1. */
const TYP = 'at+jwt'

/** Signatures of these take some 30 microseconds, less than handing them to the thread pool. */
const QUICK: readonly Algorithm[] = ['ES256', 'EdDSA']

/** In the thread pool: RSA takes a third of a millisecond, the larger curves more than that. */
function signWithJose({ algorithm, kid, privateKey }: SigningKey): AccessTokenSigner {
  const header = { alg: algorithm, typ: TYP, kid }
  return (claims) => new SignJWT(claims).setProtectedHeader(header).sign(privateKey)
}

/** On the spot. */
async function signWithFastifyJwt(
  fastify: FastifyInstance,
  { algorithm, kid, privateKey, publicKey }: SigningKey
): Promise<AccessTokenSigner> {
  // It writes into `jwt`: without one of this scope's own, into the application's.
  const own = Object.create(null) as JWT & { readonly oauth2: JWT }
  await fastify.register(async (scope) => {
    scope.decorate('jwt', own)
    await scope.register(fastifyJwt, {
      namespace: 'oauth2',
      secret: {
        private: privateKey.export({ type: 'pkcs8', format: 'pem' }),
        public: publicKey.export({ type: 'spki', format: 'pem' })
      },
      sign: { algorithm, kid, header: { alg: algorithm, typ: TYP } }
    })
  })
  const { sign } = own.oauth2
  return async (claims) => sign(claims)
}

/** Signs access tokens with a key. */
export async function accessTokenSigner(fastify: FastifyInstance, key: SigningKey): Promise<AccessTokenSigner> {
  return QUICK.includes(key.algorithm) ? signWithFastifyJwt(fastify, key) : signWithJose(key)
}
