import { createRemoteJWKSet, customFetch, type RemoteJWKSet } from 'jose'
import { unavailable } from '../oauth/errors.ts'
import { discoverJwksUri } from './discovery.ts'
import type { Issuer, KeySet } from './issuer.ts'
import type { KeyFetch } from './key-fetch.ts'
import { type TokenProfile, vetKeys } from './verification-keys.ts'

/** Keys older than this are fetched again before they are used: a removed key is refused from then on. */
const MAX_AGE = 600_000
/** After a fetch, failed or not, an unknown kid causes none for this long. */
const COOLDOWN = 30_000
/** How long one answer of a key server may take. */
const TIMEOUT = 5_000

/** What became of a fetch of keys. */
export type FetchOutcome = 'success' | 'failure'

export interface RemoteKeysOptions {
  readonly profile: TokenProfile
  /** Absence means discovery. */
  readonly jwksUri: string | undefined
  readonly fetch: KeyFetch
  readonly onFetched: (issuer: string, outcome: FetchOutcome) => void
  /** Told of keys that are left out, in fixed sentences. */
  readonly onRejected: (issuer: string, rejected: readonly string[]) => void
}

/**
 * The keys of an issuer on the network: at most one fetch in flight, none while cooling down from the last one.
 * While keys are needed that cannot be had, tokens are neither accepted nor called invalid: 503.
 */
export function remoteKeys(options: RemoteKeysOptions): Issuer['keySet'] {
  const { profile, fetch, onFetched, onRejected } = options
  let remote: RemoteJWKSet | undefined
  let current: KeySet | undefined
  let failure: { readonly cause: unknown; readonly until: number } | undefined
  let inFlight: Promise<KeySet> | undefined

  async function load(): Promise<KeySet> {
    remote ??= createRemoteJWKSet(
      options.jwksUri === undefined ? await discoverJwksUri(profile.issuer, fetch, TIMEOUT) : new URL(options.jwksUri),
      { cacheMaxAge: MAX_AGE, cooldownDuration: COOLDOWN, timeoutDuration: TIMEOUT, [customFetch]: fetch }
    )
    await remote.reload()
    const { keys, rejected } = vetKeys(remote.jwks()?.keys ?? [], profile)
    if (rejected.length > 0) onRejected(profile.issuer, rejected)
    const loaded: KeySet = { keys, isCurrent: () => current === loaded && remote?.fresh === true }
    current = loaded
    return loaded
  }

  async function fetchOnce(): Promise<KeySet> {
    try {
      const loaded = await load()
      failure = undefined
      onFetched(profile.issuer, 'success')
      return loaded
    } catch (cause) {
      failure = { cause, until: Date.now() + COOLDOWN }
      onFetched(profile.issuer, 'failure')
      throw unavailable(cause, COOLDOWN / 1000)
    } finally {
      inFlight = undefined
    }
  }

  return (kid) => {
    const usable = current?.isCurrent() ? current : undefined
    const satisfied = usable !== undefined && (kid === undefined || usable.keys.has(kid))
    if (usable !== undefined && (satisfied || remote?.coolingDown)) return usable
    if (failure !== undefined && Date.now() < failure.until) {
      if (usable !== undefined) return usable
      throw unavailable(failure.cause, Math.ceil((failure.until - Date.now()) / 1000))
    }
    inFlight ??= fetchOnce()
    return usable === undefined ? inFlight : inFlight.catch(() => usable)
  }
}
