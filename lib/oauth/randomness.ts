import { randomFillSync } from 'node:crypto'

/** So many bytes are had at a time: to ask for a few costs as much as to ask for all. */
const AT_A_TIME = 4096

const ahead = Buffer.alloc(AT_A_TIME)
let given = AT_A_TIME

/** Bytes from the system's CSPRNG. What has been given is kept nowhere: it may become a token. */
export function randomBytes(count: number): Buffer {
  if (given + count > AT_A_TIME) {
    randomFillSync(ahead)
    given = 0
  }
  const next = ahead.subarray(given, given + count)
  const bytes = Buffer.from(next)
  next.fill(0)
  given += count
  return bytes
}
