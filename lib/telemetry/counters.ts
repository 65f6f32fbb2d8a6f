import { ATTRIBUTE, METRIC } from './conventions.ts'
import { Tally } from './tally.ts'

const { clientId, grantType, tokenType } = ATTRIBUTE

/** The counters there are, each with its closed set of attributes. */
export function createCounters() {
  return {
    issued: new Tally(METRIC.issued, '{token}', 'Access tokens issued, by any grant', [clientId, grantType]),
    refreshed: new Tally(METRIC.refreshed, '{token}', 'Refresh tokens rotated', [clientId]),
    revoked: new Tally(METRIC.revoked, '{token}', 'Live tokens revoked', [clientId, ATTRIBUTE.revocationReason]),
    validated: new Tally(METRIC.validated, '{token}', 'Decisions about presented tokens', [
      clientId,
      ATTRIBUTE.validationResult,
      ATTRIBUTE.validationReason
    ]),
    reuseDetected: new Tally(METRIC.reuseDetected, '{token}', 'Presentations of a rotated refresh token', [
      clientId,
      ATTRIBUTE.reuseOutcome
    ]),
    refused: new Tally(METRIC.refused, '{request}', 'Refusals of the token endpoint', [
      clientId,
      grantType,
      ATTRIBUTE.errorType
    ]),
    expired: new Tally(METRIC.expired, '{token}', 'Tokens that reached their end unrevoked', [clientId, tokenType]),
    introspected: new Tally(METRIC.introspected, '{request}', 'Introspection answers', [clientId, ATTRIBUTE.active]),
    keysFetched: new Tally(METRIC.keysFetched, '{fetch}', 'Fetches of the keys of trusted issuers', [
      ATTRIBUTE.issuer,
      ATTRIBUTE.outcome
    ]),
    clientsFolded: new Tally(METRIC.clientsFolded, '{token}', 'Recordings whose client label was folded', []),
    dropped: new Tally(METRIC.dropped, '{record}', 'Telemetry records lost', [])
  }
}

export type Counters = ReturnType<typeof createCounters>
