import type { Selector } from '../../oauth/store/store.ts'
import type { StoredToken } from '../../oauth/tokens/token.ts'
import { PLACES, placeOf } from '../../oauth/tokens/token-id.ts'
import { quoted } from './row.ts'

/*
 * The keys of one place have a hash tag in common, so that a cluster keeps them in one slot and a script may touch them
 * all. Their number does not depend on the number of tokens, but for one row per token and one mark per revocation.
 */

/**
 * The one place of tokens that are written together.
 *
 * @throws TypeError when there is none: their ids are not of one family
 */
export function commonPlace(tokens: readonly Pick<StoredToken, 'id'>[]): string {
  const [place, ...others] = new Set(tokens.map(({ id }) => placeOf(id)))
  if (place === undefined || others.length > 0) {
    throw new TypeError('RedisStore: the ids of tokens that are written together must name one place')
  }
  return place
}

/** The places where there may be tokens that a selector names. */
export function placesOf(selector: Selector): readonly string[] {
  if ('subject' in selector || 'clientId' in selector) return PLACES
  const place = placeOf('id' in selector ? selector.id : selector.family)
  return place === undefined ? [] : [place]
}

/** What is in a key's name before the part that is its own. */
function tag(prefix: string, place: string): string {
  return `{${prefix}:${place}}`
}

/** The keys that each place has once; `place.ts` says what is in them. */
export function placeKeys(prefix: string, place: string): string[] {
  return ['live', 'index', 'ended', 'counts', 'expired'].map((name) => `${tag(prefix, place)}:${name}`)
}

/** The key of a token's row; `place.ts` knows its form too. */
export function rowKey(prefix: string, place: string, id: string): string {
  return `${tag(prefix, place)}:t:${id}`
}

/** What begins the entries of the index that a selector names. */
export function indexHead(selector: Exclude<Selector, { id: string }>): string {
  if ('family' in selector) return `f${quoted(selector.family)}`
  if ('subject' in selector) return `s${quoted(selector.subject)}`
  return `c${quoted(selector.clientId)}`
}

/** The key of the mark that a revocation leaves. */
export function markKey(prefix: string, place: string, head: string): string {
  return `${tag(prefix, place)}:m:${head}`
}

/** The key of a value that is kept. */
export function keptKey(prefix: string, name: string): string {
  return `${prefix}:kept:${name}`
}
