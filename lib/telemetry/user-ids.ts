import { createHmac, randomBytes } from 'node:crypto'

/** How users appear in spans, logs and events: as they are, as a keyed hash, or not at all. */
export type UserIdMode = 'plain' | 'hash' | 'omit'

/** Shows a subject as the mode says. */
export type ShowUser = (subject: string | undefined) => string | undefined

/** @param key the HMAC key of `hash`; without one it is random, and the hashes of two processes differ */
export function showUser(mode: UserIdMode, key: string | undefined): ShowUser {
  switch (mode) {
    case 'plain':
      return (subject) => subject
    case 'hash': {
      const secret = key ?? randomBytes(32)
      return (subject) =>
        subject === undefined ? undefined : createHmac('sha256', secret).update(subject).digest('base64url')
    }
    case 'omit':
      return () => undefined
    default:
      mode satisfies never
      throw new TypeError("telemetry.userId must be 'plain', 'hash' or 'omit'")
  }
}
