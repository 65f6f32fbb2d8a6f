import { randomInt } from 'node:crypto'
import { digest } from '../clients/secrets.ts'
import { randomText } from './random-text.ts'

const BASE = 32
const SECOND_DIGITS = 7
const HEAD = /^[0-9a-v]{8}/
const HEAD_DIGITS = SECOND_DIGITS + 1

/**
 * Where a store that is spread over machines keeps a token: the same for all ids of a family. A digit of base 32,
 * `0` to `v`.
 */
export const PLACES: readonly string[] = Array.from({ length: BASE }, (_, digit) => digit.toString(BASE))

/** The place that an id names; `undefined` for what is no id of ours. */
export function placeOf(id: string): string | undefined {
  return HEAD.test(id) ? id.charAt(SECOND_DIGITS) : undefined
}

/**
 * What every id begins with: the second it was made in, so that ids made together lie together in an index, and its
 * place.
 */
function head(at: number, place: string): string {
  return Math.floor(at).toString(BASE).padStart(SECOND_DIGITS, '0') + place
}

/** Where what goes on with a family is kept; one whose ids are none of ours has a place, too. */
const placeFor = (relative: string): string => placeOf(relative) ?? '0'

/**
 * A new id: after its head 128 bits from the system's CSPRNG, unique, and not meant to be secret.
 *
 * @param at NumericDate: seconds
 * @param relative an id of the family that goes on; without one a new family begins, in a place chosen by chance
 */
export function newTokenId(at: number, relative?: string): string {
  const place = relative === undefined ? randomInt(BASE).toString(BASE) : placeFor(relative)
  return head(at, place) + randomText(16)
}

/**
 * A new refresh token of a family: after the head of its id 256 bits from the system's CSPRNG (RFC 6749 section 10.10
 * asks for 160).
 *
 * @param at NumericDate: seconds
 * @param relative an id of the family
 */
export function newRefreshToken(at: number, relative: string): string {
  return head(at, placeFor(relative)) + randomText(32)
}

/** The id of a refresh token: its head, and the SHA-256 of all of it. What was never ours has an id that nothing has. */
export function refreshTokenId(token: string): string {
  return HEAD.test(token) ? token.slice(0, HEAD_DIGITS) + digest(token) : digest(token)
}
