import type { AttemptLimit } from '../oauth/clients/attempts.ts'
import { systemClock } from '../oauth/clock.ts'
import { BUILT_IN_GRANTS } from '../oauth/grants/built-in.ts'
import type { GrantHandler } from '../oauth/grants/grant.ts'
import { REFRESH_TOKEN } from '../oauth/grants/grant-types.ts'
import { onlyKnown } from '../oauth/properties.ts'
import { isQuotable } from '../oauth/wire/challenge.ts'
import { DAY, ensure, path, seconds } from './checks.ts'
import { FAILED_ATTEMPTS, ISSUER_ROLE_ONLY, METRICS, OPTIONS, TELEMETRY } from './names.ts'
import type { OAuthTelemetryOptions, TelemetryOptions } from './options.ts'
import { readTrust } from './trust.ts'

const DEFAULTS = {
  failedAttempts: { max: 10, window: 60 },
  prefix: '/oauth',
  pruneInterval: 30,
  storeTimeout: 2,
  revocationCheck: 'closed',
  clockTolerance: 5,
  realm: 'oauth',
  clientLimit: 1000,
  metricsPath: '/metrics',
  metricsHost: '127.0.0.1'
} as const

/** Grant types that are not the application's to give, and why. */
const RESERVED_GRANTS: ReadonlyMap<string, string> = new Map([
  ...[...BUILT_IN_GRANTS.keys(), REFRESH_TOKEN].map((name) => [name, `"${name}" is built in`] as const),
  ['authorization_code', '"authorization_code" needs an authorization endpoint, and this server has none'],
  ['password', 'the password grant must not be used (RFC 9700 section 2.4)']
])

/** As hard to guess as 128 bits, however it is written down. */
const MIN_SECRET_LENGTH = 32

const STORE_VERBS = ['insert', 'find', 'rotate', 'revoke', 'countLive', 'prune', 'keep', 'close'] as const

/** Grants of the application's own. */
function readGrants(grants: OAuthTelemetryOptions['grants'] = {}): Readonly<Record<string, GrantHandler>> {
  for (const [grantType, handler] of Object.entries(grants)) {
    ensure(!RESERVED_GRANTS.has(grantType), `grants: ${RESERVED_GRANTS.get(grantType)}`)
    ensure(typeof handler === 'function', `grants: the handler of "${grantType}" must be a function`)
  }
  return grants
}

function readMetrics(metrics: OAuthTelemetryOptions['metrics'] = {}) {
  if (metrics === false) return undefined
  ensure(typeof metrics === 'string' || typeof metrics === 'object', 'metrics must be a path, an object, or false')
  const given = onlyKnown('metrics', typeof metrics === 'string' ? { path: metrics } : metrics, METRICS)
  const { port, host, exporter, onRequest } = given
  ensure(
    port === undefined || (Number.isInteger(port) && port >= 0 && port <= 65_535),
    'metrics.port must be a port number'
  )
  ensure(
    port === undefined || given.onRequest === undefined,
    'metrics takes port or onRequest, not both: hooks guard the application, not a listener apart'
  )
  ensure(
    [onRequest ?? []].flat().every((hook) => typeof hook === 'function'),
    'metrics.onRequest must be a hook, or an array of hooks'
  )
  ensure(host === undefined || (typeof host === 'string' && host !== ''), 'metrics.host must be a host name or address')
  ensure(host === undefined || port !== undefined, 'metrics.host is that of the listener apart: give metrics.port too')
  ensure(
    exporter === undefined || typeof exporter?.collect === 'function',
    'metrics.exporter must have collect(): pass a PrometheusExporter made with preventServerStart: true'
  )
  return {
    path: path('metrics.path', given.path ?? DEFAULTS.metricsPath),
    host: host ?? DEFAULTS.metricsHost,
    port,
    exporter,
    onRequest
  }
}

function readTelemetry(given: TelemetryOptions = {}) {
  const { userId = 'plain', userIdKey, trustIncomingTrace = true, onEvent } = onlyKnown('telemetry', given, TELEMETRY)
  const clientLimit = given.clientLimit ?? DEFAULTS.clientLimit
  ensure(Number.isInteger(clientLimit) && clientLimit > 0, 'telemetry.clientLimit must be a whole number above 0')
  ensure(
    userIdKey === undefined || (typeof userIdKey === 'string' && userIdKey.length >= MIN_SECRET_LENGTH),
    `telemetry.userIdKey must be a string of ${MIN_SECRET_LENGTH} characters or more, made by chance: openssl rand -base64 32`
  )
  ensure(userIdKey === undefined || userId === 'hash', "telemetry.userIdKey is the key of userId: 'hash'")
  ensure(
    typeof trustIncomingTrace === 'boolean' || typeof trustIncomingTrace === 'function',
    'telemetry.trustIncomingTrace must be true, false, or a function of the request'
  )
  ensure(onEvent === undefined || typeof onEvent === 'function', 'telemetry.onEvent must be a function of one event')
  return { userId, userIdKey, trustIncomingTrace, clientLimit, onEvent }
}

/** A clock as the kernel reads it. Milliseconds, which `Date.now` gives, would never see a token expire. */
function readClock(now: () => number = systemClock()): () => number {
  ensure(
    typeof now === 'function' && Math.abs(now()) < 1e11,
    'now must be a function that gives seconds since the epoch, not milliseconds'
  )
  return now
}

function readFailedAttempts(given: AttemptLimit = DEFAULTS.failedAttempts): AttemptLimit {
  const { max, window } = onlyKnown('failedAttempts', given, FAILED_ATTEMPTS)
  ensure(Number.isInteger(max) && max > 0, 'failedAttempts.max must be a whole number above 0')
  return { max, window: seconds('failedAttempts.window', window, { min: 1, max: DAY }) }
}

/** Options with their defaults, checked; what the rules of the issuer role need is in rules.ts. */
export function readSettings(options: OAuthTelemetryOptions) {
  const { clients, trust, store, signingKeySecret } = onlyKnown('fastify-oauth-telemetry', options, OPTIONS)
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
  ensure(
    options.signingKeys === undefined || Array.isArray(options.signingKeys),
    'signingKeys must be an array of private keys'
  )
  ensure(
    options.signingKeys === undefined || options.signingAlg === undefined,
    'signingAlg is for the generated key: leave it out beside signingKeys, each of which has its own'
  )
  ensure(
    signingKeySecret === undefined ||
      (typeof signingKeySecret === 'string' && signingKeySecret.length >= MIN_SECRET_LENGTH),
    `signingKeySecret must be a string of ${MIN_SECRET_LENGTH} characters or more, made by chance: openssl rand -base64 32`
  )
  ensure(
    options.signingKeys === undefined || signingKeySecret === undefined,
    'signingKeySecret is for the generated key: leave it out beside signingKeys, which are not kept'
  )
  ensure(
    store === undefined || STORE_VERBS.every((verb) => typeof store?.[verb] === 'function'),
    `store must be a TokenStore: an object with ${STORE_VERBS.join(', ')}`
  )
  const { storeTimeout = DEFAULTS.storeTimeout, revocationCheck = DEFAULTS.revocationCheck } = options
  ensure(
    typeof storeTimeout === 'number' && storeTimeout >= 0.05 && storeTimeout <= 60,
    'storeTimeout must be a number of seconds from 0.05 to 60'
  )
  ensure(
    revocationCheck === 'closed' || revocationCheck === 'open',
    "revocationCheck must be 'closed' or 'open': whether own tokens pass while the store is down"
  )
  return {
    clients,
    storeTimeout,
    revocationCheck,
    grants: readGrants(options.grants),
    trust: trust === undefined ? [] : readTrust(trust, options.issuer),
    failedAttempts: readFailedAttempts(options.failedAttempts),
    prefix: path('prefix', options.prefix ?? DEFAULTS.prefix),
    pruneInterval: seconds('pruneInterval', options.pruneInterval ?? DEFAULTS.pruneInterval, { min: 1, max: DAY }),
    clockTolerance: seconds('clockTolerance', options.clockTolerance ?? DEFAULTS.clockTolerance, { min: 0, max: 60 }),
    realm,
    now: readClock(options.now),
    telemetry: readTelemetry(options.telemetry),
    metrics: readMetrics(options.metrics)
  }
}

export type Settings = ReturnType<typeof readSettings>
