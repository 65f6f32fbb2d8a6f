import { createDecoder } from 'fast-jwt'
import { LRUCache } from 'lru-cache'
import type { AccessToken, AccessTokenVerifier } from '../oauth/access-token.ts'
import { digest } from '../oauth/secrets.ts'
import { ALGORITHMS } from './algorithms.ts'
import { clientIdOf, readClaims, untimely } from './claims.ts'
import type { Issuer, KeySet } from './issuer.ts'
import { refuse, refuseFor } from './refusals.ts'

/** Tokens longer than this are refused unread; Node's own limit is 16 KiB for all headers together. */
const MAX_TOKEN_LENGTH = 8192
/** Verified tokens that are remembered. */
const MAX_REMEMBERED = 10_000

interface Decoded {
  readonly header: Readonly<Record<string, unknown>>
  readonly payload: Record<string, unknown>
}

/** A token whose signature was good, with what must still hold for it to be good. */
interface Remembered {
  readonly token: AccessToken
  readonly issuer: Issuer
  readonly keySet: KeySet
}

const decodeComplete: (token: string) => Decoded = createDecoder({ complete: true })

/** @throws OAuthError reason `malformed` */
function decode(token: string): Decoded {
  try {
    return decodeComplete(token)
  } catch {
    throw refuse('malformed')
  }
}

const asString = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

function chooseKey({ keys }: KeySet, { kid, alg }: Decoded['header']) {
  if (!ALGORITHMS.some((algorithm) => algorithm === alg)) throw refuse('unsupported_algorithm')
  const only = keys.size === 1 ? [...keys.values()][0] : undefined
  const key = kid === undefined ? only : keys.get(asString(kid) ?? '')
  if (key === undefined) throw refuse('unknown_key')
  if (key.algorithm !== alg) throw refuse('unsupported_algorithm')
  return key
}

/**
 * Verifies access tokens of the given issuers: the issuer is chosen by `iss`, the key by (issuer, `kid`), and the
 * algorithm is the key's (RFC 8725 section 3.1, RFC 9068 section 4). A good signature is remembered under the digest
 * of the token's whole text; its times, and whether its key is still trusted, are checked on every use.
 */
export function accessTokenVerifier(issuers: readonly Issuer[], now: () => number): AccessTokenVerifier {
  const byName = new Map(issuers.map((issuer) => [issuer.name, issuer]))
  const remembered = new LRUCache<string, Remembered>({ max: MAX_REMEMBERED })

  function checkedNow({ token, issuer }: Remembered): AccessToken {
    const reason = untimely(token.claims, now(), issuer.tolerance)
    if (reason !== undefined) throw refuse(reason, token.clientId)
    return token
  }

  function issuerOf({ payload }: Decoded): Issuer {
    const issuer = byName.get(asString(payload.iss) ?? '')
    if (issuer === undefined) throw refuse('wrong_issuer')
    return issuer
  }

  function verifyWith(keySet: KeySet, issuer: Issuer, decoded: Decoded, token: string, id: string): AccessToken {
    const { header } = decoded
    const key = chooseKey(keySet, header)
    const clientId = clientIdOf(decoded.payload)
    let payload: Record<string, unknown>
    try {
      payload = key.verify(token)
    } catch (error) {
      throw refuseFor(error, clientId)
    }
    if (Object.hasOwn(header, 'crit')) throw refuse('unsupported_extension', clientId)
    const claims = readClaims(payload)
    if (claims === undefined) throw refuse('invalid_claim', clientId)
    const scope = Object.freeze(claims.scope ? claims.scope.split(' ') : [])
    const entry = { token: Object.freeze({ claims, clientId, scope, own: issuer.own }), issuer, keySet }
    const accepted = checkedNow(entry)
    remembered.set(id, entry)
    return accepted
  }

  function check(token: string, accepts: (issuer: Issuer) => boolean): AccessToken | Promise<AccessToken> {
    if (token.length > MAX_TOKEN_LENGTH) throw refuse('malformed')
    const id = digest(token)
    const entry = remembered.get(id)
    if (entry?.keySet.isCurrent() && accepts(entry.issuer)) return checkedNow(entry)
    const decoded = decode(token)
    const issuer = issuerOf(decoded)
    if (!accepts(issuer)) throw refuse('wrong_issuer')
    const keySet = issuer.keySet(asString(decoded.header.kid))
    return keySet instanceof Promise
      ? keySet.then((fetched) => verifyWith(fetched, issuer, decoded, token, id))
      : verifyWith(keySet, issuer, decoded, token, id)
  }

  return {
    verify: (token) => check(token, () => true),
    recognise(token) {
      try {
        const own = check(token, (issuer) => issuer.own)
        return own instanceof Promise ? undefined : own
      } catch {
        return undefined
      }
    }
  }
}
