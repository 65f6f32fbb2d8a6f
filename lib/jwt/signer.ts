import fastifyJwt, { type JWT } from '@fastify/jwt'
import type { FastifyInstance } from 'fastify'
import { SignJWT } from 'jose'
import type { AccessTokenSigner } from '../oauth/access-token.ts'
import type { SigningKey } from './signing-keys.ts'

/** RFC 9068 section 2.1. */
const TYP = 'at+jwt'

/** In the thread pool: the third of a millisecond that RSA takes would hold the event loop, and use one core. */
function signWithJose({ algorithm, kid, privateKey }: SigningKey): AccessTokenSigner {
  const header = { alg: algorithm, typ: TYP, kid }
  return (claims) => new SignJWT(claims).setProtectedHeader(header).sign(privateKey)
}

/** On the spot: handing it to the thread pool takes longer than a signature on a curve does. */
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
  return key.privateKey.asymmetricKeyType === 'rsa' ? signWithJose(key) : signWithFastifyJwt(fastify, key)
}
