import { createRemoteJWKSet, customFetch, type JSONWebKeySet, type RemoteJWKSet } from 'jose'
import { unavailable } from '../oauth/errors.ts'
import { discoverJwksUri } from './discovery.ts'
import type { ForeignIssuer, KeySet } from './issuer.ts'
import type { KeyFetch } from './key-fetch.ts'
import { vetKeys } from './verification-keys.ts'

/** Keys older than this are fetched again before they are used: a removed key is refused from then on. */
const MAX_AGE = 600_000
/** After a fetch, failed or not, an unknown kid causes none for this long. */
const COOLDOWN = 30_000
/** How long one answer of a key server may take. */
const TIMEOUT = 5_000

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
  /** Whether they have been fetched so lately that an unknown kid is no reason to fetch again. */
  readonly coolingDown: () => boolean
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
      jwksUri === undefined ? await discoverJwksUri(issuer, fetch, TIMEOUT) : new URL(jwksUri),
      { cacheMaxAge: MAX_AGE, cooldownDuration: COOLDOWN, timeoutDuration: TIMEOUT, [customFetch]: fetch }
    )
  }

  async function load(): Promise<KeySet> {
    remote ??= await locate()
    const source = remote
    await source.reload()
    // Once reloaded, it has keys.
    const { keys, rejected } = vetKeys((source.jwks() as JSONWebKeySet).keys)
    if (rejected.length > 0) onRejected(issuer, rejected)
    const loaded: FetchedKeys = {
      keys,
      isCurrent: () => current === loaded && source.fresh,
      coolingDown: () => source.coolingDown
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
      failure = { cause, until: Date.now() + COOLDOWN }
      onFetched(issuer, 'failure')
      throw unavailable(cause, COOLDOWN / 1000)
    }
  }

  return (kid) => {
    const usable = current?.isCurrent() ? current : undefined
    const satisfied = usable !== undefined && (kid === undefined || usable.keys.has(kid))
    if (usable !== undefined && (satisfied || usable.coolingDown())) return usable
    if (failure !== undefined && Date.now() < failure.until) {
      if (usable !== undefined) return usable
      throw unavailable(failure.cause, Math.ceil((failure.until - Date.now()) / 1000))
    }
    inFlight ??= fetchOnce().finally(() => {
      inFlight = undefined
    })
    return usable === undefined ? inFlight : inFlight.catch(() => usable)
  }
}
