import { unavailable } from '../errors.ts'
import { boundedCalls } from './bounded-calls.ts'
import type { Selector, TokenStore } from './store.ts'

/** How many times longer than others a revocation may take that visits all tokens of a subject or a client. */
const SWEEP = 10
/** And a store that closes: it may have writes to bring to an end. */
const CLOSING = 5

const isSweep = (selector: Selector): boolean => 'subject' in selector || 'clientId' in selector

/**
 * The same store, whose failures and silences are `temporarily_unavailable`: nothing is issued, nothing passes (RFC 7009
 * section 2.2.1). An operation that is answered too late has been refused, and may have been carried out.
 *
 * Pruning takes its time: nobody waits for it, and what it counts must not be lost.
 *
 * @param timeout seconds
 */
export function failClosed(store: TokenStore, timeout: number): TokenStore {
  const calls = boundedCalls(timeout, (cause, isBusy) =>
    isBusy ? unavailable(cause).withFacts({ isBusy }) : unavailable(cause)
  )
  // Apart, since a store that has been silent is closed as well.
  const closing = boundedCalls(timeout, (cause) => new Error(`the store could not be closed: ${cause}`, { cause }))
  return {
    insert: (tokens) => calls.run(() => store.insert(tokens)),
    find: (id) => calls.run(() => store.find(id)),
    ...(store.peek && { peek: store.peek.bind(store) }),
    rotate: (id, clientId, succession) => calls.run(() => store.rotate(id, clientId, succession)),
    revoke: (selector, at, reason) =>
      calls.run(() => store.revoke(selector, at, reason), isSweep(selector) ? SWEEP : 1),
    countLive: (at) => calls.run(() => store.countLive(at)),
    prune: (at) => store.prune(at),
    keep: (name, value) => calls.run(() => store.keep(name, value)),
    ...(store.keepsPrivately !== undefined && { keepsPrivately: store.keepsPrivately }),
    close: () => closing.run(() => store.close(), CLOSING)
  }
}
