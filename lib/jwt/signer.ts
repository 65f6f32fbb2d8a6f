import type { AccessTokenSigner } from '../oauth/tokens/access-token.ts'
import { signatureMaker } from './signatures.ts'
import type { SigningKey } from './signing-keys.ts'
import { MAX_TOKEN_LENGTH } from './token-length.ts'

/** RFC 9068 section 2.1. */
const TYP = 'at+jwt'

const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')

/**
 * Signs access tokens with a key (RFC 7515 section 7.1: JWS Compact Serialization).
 *
 * It rejects with a TypeError where the token would be too long to be read.
 */
export function accessTokenSigner({ algorithm, kid, privateKey }: SigningKey): AccessTokenSigner {
  const header = encoded({ alg: algorithm, typ: TYP, kid })
  const sign = signatureMaker(algorithm, privateKey)
  return async (claims) => {
    const input = `${header}.${encoded(claims)}`
    const token = `${input}.${await sign(input)}`
    if (token.length > MAX_TOKEN_LENGTH) {
      throw new TypeError(`an access token may have ${MAX_TOKEN_LENGTH} characters, and this one has ${token.length}`)
    }
    return token
  }
}
