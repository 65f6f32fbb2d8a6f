import { createRemoteJWKSet, customFetch, type JSONWebKeySet, type RemoteJWKSet } from 'jose'
import { type OAuthError, unavailable } from '../oauth/errors.ts'
import { discoverJwksUri } from './discovery.ts'
import type { ForeignIssuer, KeySet } from './issuer.ts'
import type { KeyFetch } from './key-fetch.ts'
import { vetKeys } from './verification-keys.ts'

/** Keys older than this are fetched again before they are used: a removed key is refused from then on. */
const MAX_AGE_MS = 600_000
/** Keys older than this are fetched again while they are used: a key server that is down for a while is not missed. */
const REFETCH_AGE_MS = 300_000
/** After a fetch, failed or not, nothing causes another for this long, unless keys have become too old. */
const COOLDOWN_MS = 30_000
/** How long one answer of a key server may take. */
const TIMEOUT_MS = 5_000

/** What became of a fetch of keys. */
export type FetchOutcome = 'success' | 'failure'

export interface RemoteKeysOptions {
  readonly issuer: string
  /** Absence means discovery. */
  readonly jwksUri: string | undefined
  readonly fetch: KeyFetch
  readonly onFetched: (issuer: string, outcome: FetchOutcome) => void
  /** Told of keys that are left out, in fixed sentences. */
  readonly onRejected: (issuer: string, rejected: readonly string[]) => void
}

/** Keys that have been fetched. */
interface FetchedKeys extends KeySet {
  /** As they were published. */
  readonly published: string
  /** Where they have been fetched last. */
  source: RemoteJWKSet
  /** By the system's clock. */
  refetchAt: number
}

/**
 * The keys of an issuer on the network: at most one fetch in flight, none while cooling down from the last one.
 * While keys are needed that cannot be had, tokens are neither accepted nor called invalid: 503.
 *
 * How old keys are is told by jose, whose clock is the system's and cannot be replaced; a failed fetch cools down by
 * the same clock, so that the two never disagree. The kernel's clock is for tokens.
 */
export function remoteKeys(options: RemoteKeysOptions): ForeignIssuer['keySet'] {
  const { issuer, fetch, onFetched, onRejected } = options
  /** Where the keys are; looked for again after a failed fetch, as they may have moved. */
  let remote: RemoteJWKSet | undefined
  let current: FetchedKeys | undefined
  let failure: { readonly cause: unknown; readonly until: number } | undefined
  let inFlight: Promise<KeySet> | undefined

  async function locate(): Promise<RemoteJWKSet> {
    const { jwksUri } = options
    return createRemoteJWKSet(
      jwksUri === undefined ? await discoverJwksUri(issuer, fetch, TIMEOUT_MS) : new URL(jwksUri),
      { cacheMaxAge: MAX_AGE_MS, cooldownDuration: COOLDOWN_MS, timeoutDuration: TIMEOUT_MS, [customFetch]: fetch }
    )
  }

  async function load(): Promise<KeySet> {
    remote ??= await locate()
    const source = remote
    await source.reload()
    // Once reloaded, it has keys.
    const jwks = source.jwks() as JSONWebKeySet
    const published = JSON.stringify(jwks)
    const refetchAt = Date.now() + REFETCH_AGE_MS
    // The same keys again: what they have verified stays verified.
    if (current?.published === published) return Object.assign(current, { source, refetchAt })
    const { keys, rejected } = vetKeys(jwks.keys)
    if (rejected.length > 0) onRejected(issuer, rejected)
    const loaded: FetchedKeys = {
      keys,
      published,
      source,
      refetchAt,
      isCurrent() {
        if (current !== loaded || !loaded.source.fresh) return false
        if (Date.now() >= loaded.refetchAt) refetch(loaded)
        return true
      }
    }
    current = loaded
    return loaded
  }

  async function fetchOnce(): Promise<KeySet> {
    try {
      const loaded = await load()
      failure = undefined
      onFetched(issuer, 'success')
      return loaded
    } catch (cause) {
      remote = undefined
      onFetched(issuer, 'failure')
      throw unavailable(cause, COOLDOWN_MS / 1000)
    }
  }

  function fetchKeys(): Promise<KeySet> {
    inFlight ??= fetchOnce().finally(() => {
      inFlight = undefined
    })
    return inFlight
  }

  /** Because keys are needed that are not there. */
  function fetchNeeded(): Promise<KeySet> {
    return fetchKeys().catch((error: OAuthError) => {
      failure = { cause: error.cause, until: Date.now() + COOLDOWN_MS }
      throw error
    })
  }

  /** In good time. Nobody waits for it, and where it fails nobody is the worse for it. */
  function refetch(keys: FetchedKeys): void {
    keys.refetchAt = Date.now() + COOLDOWN_MS
    fetchKeys().catch(() => {})
  }

  return (kid) => {
    const now = Date.now()
    const usable = current?.isCurrent() ? current : undefined
    const cooling = failure !== undefined && now < failure.until ? failure : undefined
    if (usable === undefined) {
      if (cooling === undefined) return fetchNeeded()
      throw unavailable(cooling.cause, Math.ceil((cooling.until - now) / 1000))
    }
    const isKnown = kid === undefined || usable.keys.has(kid)
    if (isKnown || cooling !== undefined || usable.source.coolingDown) return usable
    return fetchNeeded().catch(() => usable)
  }
}
