export type { IssueOptions, OAuth, RevocationResult } from './api.ts'
export type { RequireHook } from './guard.ts'
export type { GeneratedAlgorithm, SigningKeyInput } from './jwt/signing-keys.ts'
export type { TrustedIssuer } from './jwt/trusted-issuer.ts'
export type { AttemptLimit } from './oauth/clients/attempts.ts'
export type { Client, ClientSource, RegisteredClient } from './oauth/clients/clients.ts'
export type { ErrorCode, OAuthErrorOptions, StandardErrorCode } from './oauth/errors.ts'
export { OAuthError } from './oauth/errors.ts'
export type { GrantDecision, GrantHandler, GrantRequest } from './oauth/grants/grant.ts'
export type { RefusalFacts, RefusalReason, ReuseOutcome, TokenResponse } from './oauth/outcomes.ts'
export type { RevocationReason } from './oauth/revocation-reasons.ts'
export { LONGEST_MINTING, type Rotation, type Selector, type TokenStore } from './oauth/store/store.ts'
export type { AccessToken, AccessTokenClaims } from './oauth/tokens/access-token.ts'
export {
  type AccessSuccessor,
  mayRotate,
  type RefreshSuccessor,
  type Succession,
  spendingOf,
  successorsOf
} from './oauth/tokens/succession.ts'
export type { Terms } from './oauth/tokens/terms.ts'
export { isLive, type Spending, type StoredToken, type TokenCount, type TokenType } from './oauth/tokens/token.ts'
export { placeOf } from './oauth/tokens/token-id.ts'
export type { RevokeRequest } from './oauth/verbs/revoke.ts'
export type { RevokeAllRequest } from './oauth/verbs/revoke-all.ts'
export type { RevocationCheck } from './oauth/verbs/validate.ts'
export type { Form } from './oauth/wire/form.ts'
export type { MetricsOptions, OAuthTelemetryOptions, RefreshTokenOptions, TelemetryOptions } from './options/options.ts'
export { default } from './plugin.ts'
export { MemoryStore } from './stores/memory.ts'
export type {
  ExpireEvent,
  IntrospectEvent,
  IssueEvent,
  RefreshEvent,
  RefusedEvent,
  RevokeAllEvent,
  RevokeEvent,
  TokenEvent,
  ValidateEvent
} from './telemetry/events.ts'
export type { MetricSource } from './telemetry/prometheus.ts'
export type { TraceTrust } from './telemetry/request-context.ts'
export type { EventListener } from './telemetry/telemetry.ts'
export type { UserIdMode } from './telemetry/user-ids.ts'
