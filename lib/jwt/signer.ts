import { SignJWT } from 'jose'
import type { AccessTokenSigner } from '../oauth/access-token.ts'
import type { SigningKey } from './signing-keys.ts'

/**
 * Signs with jose, whose WebCrypto runs in the thread pool: the event loop goes on meanwhile and RSA uses all cores,
 * where fast-jwt (under @fastify/jwt) would hold the loop for the third of a millisecond that RSA takes.
 */
export function accessTokenSigner({ algorithm, kid, privateKey }: SigningKey): AccessTokenSigner {
  const header = { alg: algorithm, typ: 'at+jwt', kid }
  return (claims) => new SignJWT(claims).setProtectedHeader(header).sign(privateKey)
}
