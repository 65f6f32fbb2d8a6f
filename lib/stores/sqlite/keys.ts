import { placeOf } from '../../oauth/tokens/token-id.ts'

/** Bits of an id's key that tell apart the ids of one second. */
const WITHIN_SECOND = 2 ** 22
const SECONDS = 2 ** 31
const SECOND_DIGITS = 7

/** FNV-1a, 32 bits. Not for secrets: who makes texts meet only makes their own look-ups slower. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  return value >>> 0
}

/**
 * An integer for a text, a quarter of its size in an index and in each page that is written because of it. Two texts
 * may have the same: what is found by it is then compared.
 */
export function textKey(text: string): number {
  return hash(text)
}

/** The same for an id, in the order of the seconds that ids begin with: what is written together lies together. */
export function idKey(id: string): number {
  if (placeOf(id) === undefined) return hash(id)
  const second = Number.parseInt(id.slice(0, SECOND_DIGITS), 32) % SECONDS
  return second * WITHIN_SECOND + (hash(id) % WITHIN_SECOND)
}
