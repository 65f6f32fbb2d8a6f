import type { AccessTokenSigner } from '../oauth/access-token.ts'
import { signatureMaker } from './signatures.ts'
import type { SigningKey } from './signing-keys.ts'

/** RFC 9068 section 2.1. */
const TYP = 'at+jwt'

const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')

/** Signs access tokens with a key (RFC 7515 section 7.1: JWS Compact Serialization). */
export function accessTokenSigner({ algorithm, kid, privateKey }: SigningKey): AccessTokenSigner {
  const header = encoded({ alg: algorithm, typ: TYP, kid })
  const sign = signatureMaker(algorithm, privateKey)
  return async (claims) => {
    const input = `${header}.${encoded(claims)}`
    return `${input}.${await sign(input)}`
  }
}
