import type { RefusalReason } from '../oauth/outcomes.ts'
import type { AccessTokenClaims } from '../oauth/tokens/access-token.ts'
import { isScope } from '../oauth/tokens/scope.ts'

/** What tokens must say: `jwt` is the least that any JWT here must. */
export type Profile = 'rfc9068' | 'jwt'

/** RFC 9068 section 2.2. */
const REQUIRED_CLAIMS: Readonly<Record<Profile, readonly string[]>> = {
  rfc9068: ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'],
  jwt: ['iss', 'exp', 'aud']
}

const ACCESS_TOKEN_TYPE = /^(application\/)?at\+jwt$/i

/** Claims nested deeper than this are refused: nothing that walks them can run out of stack. */
const MAX_DEPTH = 16

/** NumericDate (RFC 7519 section 2): fractions are allowed, and what is beyond all dates is none. */
const isTime = (value: unknown): boolean => typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER
const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''

const SHAPES: readonly [claim: string, hasShape: (value: unknown) => boolean][] = Object.entries({
  exp: isTime,
  nbf: isTime,
  iat: isTime,
  sub: isText,
  client_id: isText,
  azp: isText,
  jti: isText,
  scope: (value: unknown) => value === '' || (typeof value === 'string' && isScope(value))
})

/** A copy without prototype, frozen through and through; `undefined` when it is nested too deeply. */
function frozen(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (depth === 0) return undefined
  const copy: unknown[] | Record<string, unknown> = Array.isArray(value) ? [] : Object.create(null)
  for (const [key, item] of Object.entries(value)) {
    const frozenItem = frozen(item, depth - 1)
    if (frozenItem === undefined) return undefined
    // Without a prototype, __proto__ is a name like any other.
    Reflect.set(copy, key, frozenItem)
  }
  return Object.freeze(copy)
}

/**
 * Why a token that is correctly signed is none for us (RFC 9068 section 4); `undefined` when it is. No extension is
 * known here, and `crit` must not be there without one (RFC 7515 section 4.1.11).
 */
export function mismatch(
  header: Readonly<Record<string, unknown>>,
  payload: Readonly<Record<string, unknown>>,
  { audience, profile }: { readonly audience: readonly string[]; readonly profile: Profile }
): RefusalReason | undefined {
  if (Object.hasOwn(header, 'crit')) return 'unsupported_extension'
  if (profile === 'rfc9068' && !(typeof header.typ === 'string' && ACCESS_TOKEN_TYPE.test(header.typ))) {
    return 'wrong_type'
  }
  if (!REQUIRED_CLAIMS[profile].every((claim) => Object.hasOwn(payload, claim))) return 'missing_claim'
  const named: readonly unknown[] = Array.isArray(payload.aud) ? payload.aud : [payload.aud]
  if (!named.every((name) => typeof name === 'string')) return 'invalid_claim'
  return named.some((name) => audience.includes(name)) ? undefined : 'wrong_audience'
}

/** Claims of the right JSON types, frozen and without prototype; `undefined` when one is of a wrong type. */
export function readClaims(payload: Record<string, unknown>): AccessTokenClaims | undefined {
  for (const [claim, hasShape] of SHAPES) {
    if (Object.hasOwn(payload, claim) && !hasShape(payload[claim])) return undefined
  }
  return frozen(payload, MAX_DEPTH) as AccessTokenClaims | undefined
}

/** About how much memory claims take: the number of their values, however deep. */
export function weightOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1
  return Object.values(value).reduce((sum, item) => sum + weightOf(item), 1)
}

/** Those that the issuer gives, whatever else is decided (RFC 9068 section 2.2). */
const REGISTERED = new Set(['iss', 'sub', 'aud', 'exp', 'iat', 'jti', 'client_id', 'scope'])

/**
 * More claims than the registered ones, as a guard reads them once they have been in a token.
 *
 * @throws TypeError when none would accept them, or they are no JSON object
 */
export function claimsAsRead(claims: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const json: unknown = JSON.parse(JSON.stringify(claims) ?? 'null')
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new TypeError('claims must be an object')
  const read = readClaims(Object.fromEntries(Object.entries(json).filter(([name]) => !REGISTERED.has(name))))
  if (read !== undefined) return read
  throw new TypeError(
    `claims: nbf must be a NumericDate, azp a non-empty string (RFC 7519), and nothing nested deeper than ${MAX_DEPTH - 1}`
  )
}

/** How far clocks may differ, in seconds: for the start of a token's life, and for its end. */
export interface Tolerance {
  readonly start: number
  readonly end: number
}

/** Why a token is not valid now; `undefined` when it is. RFC 7519 section 4.1.4: not "on or after" `exp`. */
export function untimely(
  { exp, nbf, iat }: AccessTokenClaims,
  now: number,
  tolerance: Tolerance
): RefusalReason | undefined {
  if (now >= exp + tolerance.end) return 'expired'
  if (nbf !== undefined && now + tolerance.start < nbf) return 'not_yet_valid'
  if (iat !== undefined && now + tolerance.start < iat) return 'not_yet_valid'
  return undefined
}

/** The client of a token: `client_id` (RFC 9068), else `azp` (OpenID Connect), when it is a string. */
export function clientIdOf(claims: Record<string, unknown>): string | undefined {
  const { client_id: clientId, azp } = claims
  if (typeof clientId === 'string') return clientId
  return typeof azp === 'string' ? azp : undefined
}
