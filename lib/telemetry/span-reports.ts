import type { Attributes } from '@opentelemetry/api'
import { ATTRIBUTE, REUSE_DETECTED } from './conventions.ts'
import type { IntrospectEvent, IssueEvent, RefreshEvent, RevokeAllEvent, RevokeEvent, ValidateEvent } from './events.ts'
import type { SpanReport } from './recording.ts'

/** Attributes that have a value. */
function present(attributes: Record<string, Attributes[string] | undefined>): Attributes {
  const given: Attributes = {}
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) given[key] = value
  return given
}

/** Whether we failed, rather than refused. */
const isOurFailure = (error: string | undefined) => error === 'server_error' || error === 'temporarily_unavailable'

const failureOf = (error: string | undefined): { failure?: string } =>
  error !== undefined && isOurFailure(error) ? { failure: error } : {}

const sumOf = (revoked: RevokeEvent['revoked']): number => revoked.reduce((sum, { count }) => sum + count, 0)

export function issueReport(event: IssueEvent): SpanReport {
  return {
    attributes: present({
      [ATTRIBUTE.clientId]: event.clientId,
      [ATTRIBUTE.userId]: event.userId,
      [ATTRIBUTE.grantType]: event.grantType,
      [ATTRIBUTE.scopes]: event.scope.join(','),
      [ATTRIBUTE.accessTokenId]: event.tokenId,
      [ATTRIBUTE.tokenTtl]: event.ttl,
      [ATTRIBUTE.errorType]: event.error
    }),
    ...failureOf(event.error)
  }
}

function refreshFailure({ error, reason, reuse }: RefreshEvent): { failure?: string } {
  if (reuse === 'theft' || reuse === 'race_lost') return { failure: 'Refresh token reuse detected' }
  if (reason !== undefined && reason !== 'unavailable') return { failure: 'Invalid refresh token' }
  return failureOf(error)
}

export function refreshReport(event: RefreshEvent): SpanReport {
  const { reason, error, reuse } = event
  const refused = reason !== undefined && reason !== 'unavailable'
  const attributes = present({
    [ATTRIBUTE.clientId]: event.clientId,
    [ATTRIBUTE.tokenAgeAtRefresh]: event.age,
    [ATTRIBUTE.tokenFamily]: event.family,
    [ATTRIBUTE.refreshError]: refused ? 'invalid_token' : error,
    [ATTRIBUTE.validationReason]: reason,
    [ATTRIBUTE.reuseOutcome]: reuse,
    [ATTRIBUTE.errorType]: error
  })
  const failure = refreshFailure(event)
  if (reuse === undefined || reuse === 'grace') return { attributes, ...failure }
  return { attributes, event: { name: REUSE_DETECTED, attributes: reuseAttributes(event) }, ...failure }
}

/** What the reuse event says, on the span and in the log. */
export function reuseAttributes({ clientId, userId, issuedAt }: RefreshEvent): Attributes {
  return present({
    [ATTRIBUTE.clientId]: clientId,
    [ATTRIBUTE.userId]: userId,
    [ATTRIBUTE.originalIssuedAt]: issuedAt?.toString()
  })
}

export function revokeReport(event: RevokeEvent): SpanReport {
  return {
    attributes: present({
      [ATTRIBUTE.clientId]: event.clientId,
      [ATTRIBUTE.tokenId]: event.tokenId,
      [ATTRIBUTE.revocationReason]: event.reason,
      [ATTRIBUTE.revocationBy]: event.by,
      [ATTRIBUTE.tokenLifetime]: event.lifetime,
      [ATTRIBUTE.tokensRevoked]: sumOf(event.revoked),
      [ATTRIBUTE.errorType]: event.error
    }),
    ...failureOf(event.error)
  }
}

/** Also what the log event of a revoke-all says. */
export function revokeAllAttributes(event: RevokeAllEvent): Attributes {
  return present({
    [ATTRIBUTE.clientId]: event.clientId,
    [ATTRIBUTE.userId]: event.userId,
    [ATTRIBUTE.tokenFamily]: event.family,
    [ATTRIBUTE.revocationReason]: event.reason,
    [ATTRIBUTE.revocationBy]: event.by,
    [ATTRIBUTE.tokensRevoked]: sumOf(event.revoked),
    [ATTRIBUTE.errorType]: event.error
  })
}

export function revokeAllReport(event: RevokeAllEvent): SpanReport {
  return { attributes: revokeAllAttributes(event), ...failureOf(event.error) }
}

export function introspectReport(event: IntrospectEvent): SpanReport {
  return {
    attributes: present({
      [ATTRIBUTE.clientId]: event.clientId,
      [ATTRIBUTE.active]: event.error === undefined ? event.active : undefined,
      [ATTRIBUTE.errorType]: event.error
    }),
    ...failureOf(event.error)
  }
}

/**
 * Written out, since it is made for every guarded request.
 *
 * @param age seconds since the token was issued, where that is known
 */
export function validateReport(event: ValidateEvent, age: number | undefined, error: string | undefined): SpanReport {
  const attributes: Attributes = { [ATTRIBUTE.validationResult]: event.result }
  if (event.clientId !== undefined) attributes[ATTRIBUTE.clientId] = event.clientId
  if (age !== undefined) attributes[ATTRIBUTE.tokenAge] = age
  if (event.reason !== undefined) attributes[ATTRIBUTE.validationReason] = event.reason
  if (error !== undefined) attributes[ATTRIBUTE.errorType] = error
  return { attributes, ...failureOf(error) }
}
