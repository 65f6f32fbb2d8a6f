import { createHash, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import { promisify } from 'node:util'
import { audience, issuer, reports, scope, subject } from './scenario.ts'

const signOffThread = promisify(sign)

export interface Keys {
  /** Parsed once: signing reads it for each token. */
  key: KeyObject
  /** RFC 7638 thumbprint. */
  kid: string
  privateKey: string
  publicKey: string
}

export function rsaKeys(): Keys {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const { e, kty, n } = pair.publicKey.export({ format: 'jwk' })
  return {
    key: pair.privateKey,
    kid: createHash('sha256').update(JSON.stringify({ e, kty, n })).digest('base64url'),
    privateKey: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: pair.publicKey.export({ type: 'spki', format: 'pem' }).toString()
  }
}

/** RFC 9068 access tokens, RS256, live for a day. */
export async function signTokens({ key, kid }: Keys, count: number): Promise<string[]> {
  const header = part({ alg: 'RS256', typ: 'at+jwt', kid })
  const iat = Math.floor(Date.now() / 1000)
  const tokens: string[] = []
  while (tokens.length < count) {
    tokens.push(...(await Promise.all(Array.from({ length: Math.min(1000, count - tokens.length) }, signed))))
  }
  return tokens

  async function signed(): Promise<string> {
    const claims = {
      iss: issuer,
      aud: audience,
      sub: subject,
      client_id: reports.id,
      scope,
      jti: randomUUID(),
      iat,
      exp: iat + 86_400
    }
    const input = `${header}.${part(claims)}`
    return `${input}.${(await signOffThread('sha256', Buffer.from(input), key)).toString('base64url')}`
  }
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
