import { isKeyServerUrl } from './jwt/discovery.ts'
import type { TrustedIssuer } from './jwt/trusted-issuer.ts'
import { isQuotable } from './oauth/challenge.ts'
import type { GrantHandler } from './oauth/grants/grant.ts'
import type { Rules } from './oauth/kernel.ts'
import { REVOCATION_REASONS } from './oauth/token.ts'
import { audiences, ensure, issuerUrl, path, seconds } from './option-checks.ts'
import type { MetricsOptions, OAuthTelemetryOptions } from './options.ts'

const DAY = 86_400

const DEFAULTS = {
  accessTokenTtl: 3600,
  idleTtl: 14 * DAY,
  absoluteTtl: 90 * DAY,
  graceWindow: 0,
  reuse: 'user',
  failedAttempts: { max: 10, window: 60 },
  prefix: '/oauth',
  pruneInterval: 30,
  clockTolerance: 5,
  realm: 'oauth',
  clientLimit: 1000,
  metricsPath: '/metrics',
  metricsHost: '127.0.0.1'
} as const

/** All options there are, so that a misspelt one is an error and not a default. */
const KNOWN = new Set<keyof OAuthTelemetryOptions>([
  'issuer',
  'audience',
  'clients',
  'store',
  'signingKeys',
  'signingAlg',
  'grants',
  'accessTokenTtl',
  'refreshToken',
  'revocationReasons',
  'failedAttempts',
  'prefix',
  'pruneInterval',
  'trust',
  'clockTolerance',
  'realm',
  'now',
  'telemetry',
  'metrics'
])

const BUILT_IN_GRANTS = new Set(['client_credentials', 'refresh_token', 'authorization_code'])

const ISSUER_ROLE_ONLY = ['issuer', 'audience', 'store', 'signingKeys', 'signingAlg', 'grants'] as const

/** The rules of the issuer role. */
export function readRules(options: OAuthTelemetryOptions): Rules {
  const { refreshToken = {} } = options
  const ever = { min: 1, max: 3650 * DAY }
  const audience = audiences('audience', options.audience)
  const reuse = refreshToken.reuse ?? DEFAULTS.reuse
  ensure(reuse === 'user' || reuse === 'family', "refreshToken.reuse must be 'user' or 'family'")
  return {
    issuer: issuerUrl('issuer', options.issuer),
    audience,
    defaultAudience: audience.slice(0, 1),
    accessTokenTtl: seconds('accessTokenTtl', options.accessTokenTtl ?? DEFAULTS.accessTokenTtl, ever),
    refreshTokenIdleTtl: seconds('refreshToken.idleTtl', refreshToken.idleTtl ?? DEFAULTS.idleTtl, ever),
    refreshTokenAbsoluteTtl: seconds(
      'refreshToken.absoluteTtl',
      refreshToken.absoluteTtl ?? DEFAULTS.absoluteTtl,
      ever
    ),
    graceWindow: seconds('refreshToken.graceWindow', refreshToken.graceWindow ?? DEFAULTS.graceWindow, {
      min: 0,
      max: 60
    }),
    reuse,
    revocationReasons: new Set([...REVOCATION_REASONS, ...(options.revocationReasons ?? [])])
  }
}

/** Grants of the application's own; the built-in ones cannot be replaced, and one must not come back (RFC 9700 section 2.4). */
function readGrants(grants: OAuthTelemetryOptions['grants'] = {}): Readonly<Record<string, GrantHandler>> {
  for (const [grantType, handler] of Object.entries(grants)) {
    ensure(!BUILT_IN_GRANTS.has(grantType), `grants: "${grantType}" is built in`)
    ensure(grantType !== 'password', 'grants: the password grant must not be used (RFC 9700 section 2.4)')
    ensure(typeof handler === 'function', `grants: the handler of "${grantType}" must be a function`)
  }
  return grants
}

function readTrust(trust: readonly TrustedIssuer[]): readonly TrustedIssuer[] {
  ensure(Array.isArray(trust) && trust.length > 0, 'trust must be an array of { issuer, audience }, not an empty one')
  const names = new Set<string>()
  for (const { issuer, audience, jwksUri, keys, profile } of trust) {
    issuerUrl('trust[].issuer', issuer)
    ensure(!names.has(issuer), `trust[].issuer "${issuer}" appears twice`)
    names.add(issuer)
    audiences('trust[].audience', audience)
    ensure(keys === undefined || jwksUri === undefined, 'trust[] takes keys or jwksUri, not both')
    ensure(keys === undefined || keys.length > 0, 'trust[].keys must hold at least one public JWK')
    ensure(
      profile === undefined || profile === 'rfc9068' || profile === 'jwt',
      "trust[].profile must be 'rfc9068' or 'jwt'"
    )
    ensure(
      jwksUri === undefined || isKeyServerUrl(jwksUri),
      'trust[].jwksUri must be an https URL, or http on loopback'
    )
    ensure(
      keys !== undefined || jwksUri !== undefined || isKeyServerUrl(issuer),
      'trust[].issuer must be https, or http on loopback, for its keys to be found: or give trust[].keys or trust[].jwksUri'
    )
  }
  return trust
}

function readMetrics(metrics: OAuthTelemetryOptions['metrics']) {
  if (metrics === false) return undefined
  const given: MetricsOptions = typeof metrics === 'string' ? { path: metrics } : (metrics ?? {})
  const { port, exporter } = given
  ensure(
    port === undefined || (Number.isInteger(port) && port >= 0 && port <= 65_535),
    'metrics.port must be a port number'
  )
  ensure(
    exporter === undefined || typeof exporter.collect === 'function',
    'metrics.exporter must have collect(): pass a PrometheusExporter made with preventServerStart: true'
  )
  return {
    path: path('metrics.path', given.path ?? DEFAULTS.metricsPath),
    host: given.host ?? DEFAULTS.metricsHost,
    port,
    exporter,
    onRequest: given.onRequest
  }
}

/** Options with their defaults, checked; what only the issuer role needs is in `readRules`. */
export function readSettings(options: OAuthTelemetryOptions) {
  for (const name of Object.keys(options)) {
    ensure(KNOWN.has(name as keyof OAuthTelemetryOptions), `"${name}" is not an option of fastify-oauth-telemetry`)
  }
  const { clients, trust, telemetry = {}, failedAttempts = DEFAULTS.failedAttempts } = options
  ensure(
    clients !== undefined || trust !== undefined,
    'give clients (with issuer and audience) to issue tokens, or trust to accept those of other issuers, or both'
  )
  ensure(
    clients === undefined || typeof clients === 'function' || Array.isArray(clients),
    'clients must be an array of clients, or a function that looks one up by its id'
  )
  for (const name of ISSUER_ROLE_ONLY) {
    ensure(
      clients !== undefined || options[name] === undefined,
      `${name} needs clients: without them nothing is issued`
    )
  }
  const realm = options.realm ?? DEFAULTS.realm
  ensure(isQuotable(realm), 'realm must be printable ASCII without quotes and backslashes')
  const clientLimit = telemetry.clientLimit ?? DEFAULTS.clientLimit
  ensure(Number.isInteger(clientLimit) && clientLimit > 0, 'telemetry.clientLimit must be a whole number above 0')
  ensure(
    telemetry.onEvent === undefined || typeof telemetry.onEvent === 'function',
    'telemetry.onEvent must be a function of one event'
  )
  ensure(
    Number.isInteger(failedAttempts.max) && failedAttempts.max > 0,
    'failedAttempts.max must be a whole number above 0'
  )
  return {
    clients,
    grants: readGrants(options.grants),
    trust: trust === undefined ? [] : readTrust(trust),
    failedAttempts: {
      max: failedAttempts.max,
      window: seconds('failedAttempts.window', failedAttempts.window, { min: 1, max: DAY })
    },
    prefix: path('prefix', options.prefix ?? DEFAULTS.prefix),
    pruneInterval: seconds('pruneInterval', options.pruneInterval ?? DEFAULTS.pruneInterval, { min: 1, max: DAY }),
    clockTolerance: seconds('clockTolerance', options.clockTolerance ?? DEFAULTS.clockTolerance, { min: 0, max: 60 }),
    realm,
    now: options.now ?? (() => Date.now() / 1000),
    telemetry: {
      userId: telemetry.userId ?? 'plain',
      userIdKey: telemetry.userIdKey,
      trustIncomingTrace: telemetry.trustIncomingTrace ?? true,
      clientLimit,
      onEvent: telemetry.onEvent
    },
    metrics: readMetrics(options.metrics)
  }
}

export type Settings = ReturnType<typeof readSettings>
