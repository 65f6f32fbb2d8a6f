import type { RegisteredClient } from '../oauth/clients/clients.ts'
import { DIRECT, REFRESH_TOKEN } from '../oauth/grants/grant-types.ts'
import type { ReuseOutcome } from '../oauth/outcomes.ts'
import type { RevocationReason } from '../oauth/revocation-reasons.ts'
import type { ClientLabels } from './client-labels.ts'
import { CLIENT_UNKNOWN } from './conventions.ts'
import type { Counters } from './counters.ts'

const REUSE_OUTCOMES = ['theft', 'race_lost', 'grace'] as const satisfies readonly ReuseOutcome[]

/** The reason whose first revocation matters. Each series costs every scrape, and alerts see the birth of the others. */
const INCIDENT: RevocationReason = 'security_incident'

/** What is known before anything happens. */
export interface KnownAtStart {
  readonly clients: readonly RegisteredClient[]
  /** The issuers whose keys are fetched. */
  readonly keyServers: readonly string[]
}

/**
 * Lets every counter that an alert uses exist at zero from the start: Prometheus' `increase()` does not see a series
 * being born, so without this the first event of a client would be missed.
 */
export function startAtZero(counters: Counters, labels: ClientLabels, { clients, keyServers }: KnownAtStart): void {
  for (const { id, grants } of clients) {
    const client = labels.label(id)
    for (const grant of new Set([...grants, DIRECT])) counters.issued.series(client, grant)
    counters.revoked.series(client, INCIDENT)
    if (!grants.includes(REFRESH_TOKEN)) continue
    counters.refreshed.series(client)
    for (const outcome of REUSE_OUTCOMES) counters.reuseDetected.series(client, outcome)
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
