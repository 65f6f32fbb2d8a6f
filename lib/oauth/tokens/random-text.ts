import { randomFillSync } from 'node:crypto'

/** So many bytes are had at a time: to ask for a few costs as much as to ask for all. */
const AT_A_TIME = 4096

const ahead = Buffer.alloc(AT_A_TIME)
let given = AT_A_TIME

/**
 * So many bytes from the system's CSPRNG, as base64url. They are not kept here once they are given: they may become a
 * token.
 *
 * @throws RangeError for more than 4096 bytes
 */
export function randomText(bytes: number): string {
  if (bytes > AT_A_TIME) throw new RangeError(`no more than ${AT_A_TIME} random bytes are to be had at once`)
  if (given + bytes > AT_A_TIME) {
    randomFillSync(ahead)
    given = 0
  }
  const end = given + bytes
  const text = ahead.toString('base64url', given, end)
  ahead.fill(0, given, end)
  given = end
  return text
}
