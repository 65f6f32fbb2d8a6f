/** Every name telemetry uses, in one place. The first six metrics and the first five spans are public for good; the others may change before 1.0. */

/** The name of the meter, the tracer and the logger. */
export const SCOPE_NAME = 'oauth2.tokens'

export const METRIC = {
  issued: 'oauth2.token.issued',
  refreshed: 'oauth2.token.refreshed',
  revoked: 'oauth2.token.revoked',
  validated: 'oauth2.token.validated',
  ageAtRefresh: 'oauth2.token.age_at_refresh',
  active: 'oauth2.token.active',
  lifetimeAtRefresh: 'oauth2.token.lifetime_at_refresh',
  reuseDetected: 'oauth2.token.reuse_detected',
  refused: 'oauth2.token.refused',
  expired: 'oauth2.token.expired',
  introspected: 'oauth2.token.introspected',
  operationDuration: 'oauth2.token.operation.duration',
  keysFetched: 'oauth2.keys.fetched',
  clientsFolded: 'oauth2.telemetry.clients_folded',
  dropped: 'oauth2.telemetry.dropped'
} as const

export const SPAN = {
  issue: 'oauth2.token.issue',
  refresh: 'oauth2.token.refresh',
  revoke: 'oauth2.token.revoke',
  revokeAll: 'oauth2.token.revoke_all',
  validate: 'oauth2.token.validate',
  introspect: 'oauth2.token.introspect'
} as const

export const ATTRIBUTE = {
  clientId: 'oauth2.client_id',
  userId: 'oauth2.user_id',
  grantType: 'oauth2.grant_type',
  scopes: 'oauth2.scopes',
  accessTokenId: 'oauth2.access_token_id',
  tokenTtl: 'oauth2.token_ttl_seconds',
  tokenAgeAtRefresh: 'oauth2.token_age_seconds',
  tokenAge: 'oauth2.token_age',
  tokenFamily: 'oauth2.token_family',
  tokenId: 'oauth2.token_id',
  tokenLifetime: 'oauth2.token_lifetime_seconds',
  tokensRevoked: 'oauth2.tokens_revoked',
  tokenType: 'oauth2.token.type',
  refreshError: 'oauth2.refresh.error',
  originalIssuedAt: 'oauth2.original_issued_at',
  revocationReason: 'oauth2.revocation.reason',
  revocationBy: 'oauth2.revocation.by',
  validationResult: 'oauth2.validation.result',
  validationReason: 'oauth2.validation.reason',
  reuseOutcome: 'oauth2.reuse.outcome',
  operation: 'oauth2.operation',
  active: 'oauth2.active',
  issuer: 'oauth2.issuer',
  outcome: 'oauth2.outcome',
  errorType: 'error.type'
} as const

/** The span event and the log event of a reuse. */
export const REUSE_DETECTED = 'refresh_token_reuse_detected'

/** The log event of a refusal because something of ours is down. */
export const UNAVAILABLE = 'oauth2.unavailable'

/** The client label of whatever is not proven, and of what the label limit has no room for. */
export const CLIENT_UNKNOWN = 'unknown'
export const CLIENT_OTHER = '_other'
/** OpenTelemetry's value for what is not in a closed set. */
export const OTHER = '_OTHER'
