import { LRUCache } from 'lru-cache'
import { OAuthError } from '../errors.ts'

/** How many failures are allowed in how many seconds. */
export interface AttemptLimit {
  readonly max: number
  readonly window: number
}

/** Counts failures per key, so that guessing is slow (RFC 6749 section 2.3.1, RFC 7662 section 4). */
export interface Attempts {
  /** @throws OAuthError status 429 with `retryAfter` once the key has used up its failures */
  refuseWhenExhausted(key: string): void
  failed(key: string): void
}

/** More keys than this push out the longest unused: memory stays bounded whatever is sent. */
const MAX_KEYS = 10_000

interface Failures {
  count: number
  readonly until: number
}

export function limitAttempts({ max, window }: AttemptLimit, now: () => number): Attempts {
  const failures = new LRUCache<string, Failures>({ max: MAX_KEYS })

  const current = (key: string): Failures | undefined => {
    const entry = failures.get(key)
    return entry !== undefined && now() < entry.until ? entry : undefined
  }

  return {
    refuseWhenExhausted(key) {
      const entry = current(key)
      if (entry === undefined || entry.count < max) return
      throw new OAuthError('temporarily_unavailable', 'Too many failed attempts.', {
        status: 429,
        retryAfter: Math.max(1, Math.ceil(entry.until - now()))
      })
    },
    failed(key) {
      const entry = current(key)
      if (entry === undefined) failures.set(key, { count: 1, until: now() + window })
      else entry.count += 1
    }
  }
}
