import { LRUCache } from 'lru-cache'
import { digest } from '../oauth/clients/secrets.ts'
import type { AccessToken, AccessTokenVerifier } from '../oauth/tokens/access-token.ts'
import { ALGORITHMS } from './algorithms.ts'
import { clientIdOf, mismatch, readClaims, untimely, weightOf } from './claims.ts'
import type { Decoded, TokenDecoder } from './decoder.ts'
import type { Issuer, KeySet, VerificationKey } from './issuer.ts'
import { refuse } from './refusals.ts'
import { MAX_TOKEN_LENGTH } from './token-length.ts'

/** Verified tokens that are remembered. */
const MAX_REMEMBERED = 10_000
/** And values in all their claims together, each of up to a quarter of a kilobyte: a token can be made of thousands. */
const MAX_REMEMBERED_VALUES = 20 * MAX_REMEMBERED
/** A token with more is verified each time, rather than push out hundreds of others. */
const MAX_VALUES = 500

/** A token that has been read, but not verified. */
interface Presented<I extends Issuer> {
  /** The digest of the whole token. */
  readonly id: string
  readonly decoded: Decoded
  /** The one it names, trusted or it would not be here. */
  readonly issuer: I
}

/** A token whose signature was good, with what must still hold for it to be good. */
interface Remembered {
  readonly token: AccessToken
  readonly issuer: Issuer
  readonly keySet: KeySet
}

/** @throws OAuthError reason `malformed` when the token is too long to be looked at */
function identify(token: string): string {
  if (token.length > MAX_TOKEN_LENGTH) throw refuse('malformed')
  return digest(token)
}

const asString = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

/** The key a `kid` names; without one, the only key. A `kid` that is not a string names none (RFC 7515 section 4.1.4). */
function keyFor({ keys }: KeySet, kid: unknown): VerificationKey | undefined {
  if (kid === undefined) return keys.size === 1 ? [...keys.values()][0] : undefined
  return typeof kid === 'string' ? keys.get(kid) : undefined
}

function chooseKey(keySet: KeySet, { kid, alg }: Decoded['header']): VerificationKey {
  if (!ALGORITHMS.some((algorithm) => algorithm === alg)) throw refuse('unsupported_algorithm')
  const key = keyFor(keySet, kid)
  if (key === undefined) throw refuse('unknown_key')
  if (key.algorithm !== alg) throw refuse('unsupported_algorithm')
  return key
}

/**
 * Verifies access tokens of the given issuers: the issuer is chosen by `iss`, the key by (issuer, `kid`), and the
 * algorithm is the key's (RFC 8725 section 3.1, RFC 9068 section 4). A good signature is remembered under the digest
 * of the token's whole text; its times, and whether its key is still trusted, are checked on every use.
 */
export function accessTokenVerifier(
  issuers: readonly Issuer[],
  decode: TokenDecoder,
  now: () => number
): AccessTokenVerifier {
  const all = new Map(issuers.map((issuer) => [issuer.name, issuer]))
  const own = new Map(issuers.filter((issuer) => issuer.own).map((issuer) => [issuer.name, issuer]))
  const remembered = new LRUCache<string, Remembered>({
    max: MAX_REMEMBERED,
    maxSize: MAX_REMEMBERED_VALUES,
    maxEntrySize: MAX_VALUES,
    sizeCalculation: ({ token }) => weightOf(token.claims)
  })

  function checkedNow({ token, issuer }: Remembered): AccessToken {
    const reason = untimely(token.claims, now(), issuer.tolerance)
    if (reason !== undefined) throw refuse(reason, token.clientId)
    return token
  }

  function recall(id: string): AccessToken | undefined {
    const entry = remembered.get(id)
    return entry?.keySet.isCurrent() ? checkedNow(entry) : undefined
  }

  function read<I extends Issuer>(token: string, id: string, among: ReadonlyMap<string, I>): Presented<I> {
    const decoded = decode(token)
    const issuer = among.get(asString(decoded.payload.iss) ?? '')
    if (issuer === undefined) throw refuse('wrong_issuer')
    return { id, decoded, issuer }
  }

  async function verifyWith(keySet: KeySet, { id, decoded, issuer }: Presented<Issuer>): Promise<AccessToken> {
    const { header, payload, input, signature } = decoded
    const key = chooseKey(keySet, header)
    if (!(await key.hasSigned(input, signature))) throw refuse('bad_signature')
    const clientId = clientIdOf(payload)
    const reason = mismatch(header, payload, issuer)
    if (reason !== undefined) throw refuse(reason, clientId)
    const claims = readClaims(payload)
    if (claims === undefined) throw refuse('invalid_claim', clientId)
    const scope = Object.freeze(claims.scope ? claims.scope.split(' ') : [])
    const entry = { token: Object.freeze({ claims, clientId, scope, own: issuer.own }), issuer, keySet }
    const accepted = checkedNow(entry)
    remembered.set(id, entry)
    return accepted
  }

  return {
    async verify(token) {
      const id = identify(token)
      const known = recall(id)
      if (known !== undefined) return known
      const presented = read(token, id, all)
      const keySet = await presented.issuer.keySet(asString(presented.decoded.header.kid))
      return verifyWith(keySet, presented)
    },
    recall: (token) => (token.length > MAX_TOKEN_LENGTH ? undefined : recall(digest(token))),
    async recognise(token) {
      try {
        const id = identify(token)
        const known = recall(id)
        if (known !== undefined) return known.own ? known : undefined
        const presented = read(token, id, own)
        return await verifyWith(presented.issuer.keySet(), presented)
      } catch {
        return undefined
      }
    }
  }
}
