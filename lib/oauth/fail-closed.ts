import { unavailable } from './errors.ts'
import type { TokenStore } from './store.ts'

/** Runs a store operation; whatever goes wrong in it means that we do not know, and refuse (RFC 7009 section 2.2.1). */
async function orUnavailable<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation()
  } catch (cause) {
    throw unavailable(cause)
  }
}

/** The same store, whose failures are `temporarily_unavailable`: nothing is issued, nothing passes. */
export function failClosed(store: TokenStore): TokenStore {
  return {
    insert: (tokens) => orUnavailable(() => store.insert(tokens)),
    find: (id) => orUnavailable(() => store.find(id)),
    rotate: (id, successors, spending) => orUnavailable(() => store.rotate(id, successors, spending)),
    revoke: (selector, at, reason) => orUnavailable(() => store.revoke(selector, at, reason)),
    countLive: (at) => orUnavailable(() => store.countLive(at)),
    prune: (at) => orUnavailable(() => store.prune(at)),
    keep: (name, value) => orUnavailable(() => store.keep(name, value)),
    close: () => store.close()
  }
}
