import type { AccessTokenClaims } from '../oauth/access-token.ts'
import type { RefusalReason } from '../oauth/outcomes.ts'
import { isScope } from '../oauth/scope.ts'

/** The claims an access token must have (RFC 9068 section 2.2), and the least any JWT here must have. */
export const REQUIRED_CLAIMS = {
  rfc9068: ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'],
  jwt: ['iss', 'exp', 'aud']
} as const

/** Claims nested deeper than this are refused: nothing that walks them can run out of stack. */
const MAX_DEPTH = 16

const isTime = (value: unknown): boolean => Number.isSafeInteger(value)
const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''

const SHAPES: Record<string, (value: unknown) => boolean> = {
  exp: isTime,
  nbf: isTime,
  iat: isTime,
  sub: isText,
  client_id: isText,
  azp: isText,
  jti: isText,
  scope: (value) => value === '' || (typeof value === 'string' && isScope(value))
}

/** A copy without prototype, frozen through and through; `undefined` when it is nested too deeply. */
function frozen(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (depth === 0) return undefined
  const copy: unknown[] | Record<string, unknown> = Array.isArray(value) ? [] : Object.create(null)
  for (const [key, item] of Object.entries(value)) {
    const frozenItem = frozen(item, depth - 1)
    if (frozenItem === undefined) return undefined
    Object.defineProperty(copy, key, { value: frozenItem, enumerable: true })
  }
  return Object.freeze(copy)
}

/** Claims of the right JSON types, frozen and without prototype; `undefined` when one is of a wrong type. */
export function readClaims(payload: Record<string, unknown>): AccessTokenClaims | undefined {
  for (const [claim, hasShape] of Object.entries(SHAPES)) {
    if (Object.hasOwn(payload, claim) && !hasShape(payload[claim])) return undefined
  }
  return frozen(payload, MAX_DEPTH) as AccessTokenClaims | undefined
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
