import type { TrustedIssuer } from '../jwt/trusted-issuer.ts'
import type { AttemptLimit } from '../oauth/clients/attempts.ts'
import type { Names } from '../oauth/properties.ts'
import type { MetricsOptions, OAuthTelemetryOptions, RefreshTokenOptions, TelemetryOptions } from './options.ts'

/* All options there are, so that a misspelt one is an error and not a default. */

export const OPTIONS: Names<OAuthTelemetryOptions> = {
  issuer: true,
  audience: true,
  resource: true,
  clients: true,
  store: true,
  storeTimeout: true,
  revocationCheck: true,
  signingKeys: true,
  signingAlg: true,
  signingKeySecret: true,
  grants: true,
  accessTokenTtl: true,
  refreshToken: true,
  revocationReasons: true,
  failedAttempts: true,
  prefix: true,
  pruneInterval: true,
  trust: true,
  clockTolerance: true,
  realm: true,
  now: true,
  telemetry: true,
  metrics: true
}
export const TRUST: Names<TrustedIssuer> = { issuer: true, audience: true, keys: true, jwksUri: true, profile: true }
export const FAILED_ATTEMPTS: Names<AttemptLimit> = { max: true, window: true }
export const METRICS: Names<MetricsOptions> = { path: true, onRequest: true, port: true, host: true, exporter: true }
export const TELEMETRY: Names<TelemetryOptions> = {
  userId: true,
  userIdKey: true,
  trustIncomingTrace: true,
  clientLimit: true,
  onEvent: true
}
export const REFRESH_TOKEN_OPTIONS: Names<RefreshTokenOptions> = {
  idleTtl: true,
  absoluteTtl: true,
  graceWindow: true,
  reuse: true
}

/** Those that say something about issuing only. */
export const ISSUER_ROLE_ONLY = [
  'issuer',
  'audience',
  'resource',
  'store',
  'storeTimeout',
  'revocationCheck',
  'signingKeys',
  'signingAlg',
  'signingKeySecret',
  'grants',
  'accessTokenTtl',
  'refreshToken',
  'revocationReasons',
  'failedAttempts',
  'prefix',
  'pruneInterval'
] as const
