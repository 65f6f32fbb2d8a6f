import type { RegisteredClient } from '../oauth/clients.ts'
import { DIRECT } from '../oauth/grants/grant-types.ts'
import type { ClientLabels } from './client-labels.ts'
import { CLIENT_UNKNOWN } from './conventions.ts'
import type { Counters } from './counters.ts'

/** What is known before anything happens. */
export interface KnownAtStart {
  readonly clients: readonly RegisteredClient[]
  readonly revocationReasons: Iterable<string>
  /** The issuers whose keys are fetched. */
  readonly keyServers: readonly string[]
}

/**
 * Lets every counter that an alert uses exist at zero from the start: Prometheus' `increase()` does not see a series
 * being born, so without this the first event of a client would be missed.
 */
export function startAtZero(
  counters: Counters,
  labels: ClientLabels,
  { clients, revocationReasons, keyServers }: KnownAtStart
): void {
  const reasons = [...revocationReasons]
  for (const { id, grants } of clients) {
    const client = labels.label(id)
    for (const grant of new Set([...grants, DIRECT])) counters.issued.series(client, grant)
    for (const reason of reasons) counters.revoked.series(client, reason)
    counters.validated.series(client, 'valid', undefined)
    counters.validated.series(client, 'expired', 'expired')
    counters.expired.series(client, 'access')
    if (!grants.includes('refresh_token')) continue
    counters.refreshed.series(client)
    counters.expired.series(client, 'refresh')
    for (const outcome of ['theft', 'grace', 'race_lost']) counters.reuseDetected.series(client, outcome)
  }
  for (const reason of ['missing', 'malformed', 'bad_signature', 'unknown_key', 'unavailable']) {
    counters.validated.series(CLIENT_UNKNOWN, 'invalid', reason)
  }
  for (const issuer of keyServers) {
    for (const outcome of ['success', 'failure']) counters.keysFetched.series(issuer, outcome)
  }
  counters.clientsFolded.series()
  counters.dropped.series()
}
