import type { OAuthTelemetryOptions } from '../../lib/index.ts'
import { OPTIONS } from './server.ts'

/** Options as JavaScript may pass them, without a compiler. */
export type Loose = Partial<Record<keyof OAuthTelemetryOptions, unknown>> & Record<string, unknown>

const SECONDS = (name: string, min: number, max: number) =>
  `${name} must be a whole number of seconds from ${min} to ${max}`
export const EVER = 315_360_000
const URL_MESSAGE =
  "must be an https URL (or http, for development) without credentials, query and fragment, for example 'https://auth.example'"
const AUDIENCE_MESSAGE = "must be a non-empty string, or an array of them, for example 'https://api.example'"
const PATH_MESSAGE = "must be an absolute path like '/oauth', without a slash at its end"
const TRUST_MESSAGE = 'trust must be an array of { issuer, audience }, not an empty one'
const STORE_MESSAGE =
  'store must be a TokenStore: an object with insert, find, rotate, revoke, countLive, prune, keep, close'
const SECRET_MESSAGE =
  'signingKeySecret must be a string of 32 characters or more, made by chance: openssl rand -base64 32'
const USER_ID_KEY_MESSAGE =
  'telemetry.userIdKey must be a string of 32 characters or more, made by chance: openssl rand -base64 32'
const TIMEOUT_MESSAGE = 'storeTimeout must be a number of seconds from 0.05 to 60'
const CLOCK_MESSAGE = 'now must be a function that gives seconds since the epoch, not milliseconds'
const REASONS_MESSAGE = "revocationReasons must be an array of labels without spaces, for example ['device_lost']"

const GRANTS_MESSAGE =
  'must be an array of the grant types there are: client_credentials, refresh_token, authorization_code'

export const TENANT = { issuer: 'https://tenant.example', audience: 'https://api.example' }

/** Options, and what they are refused with. */
export const WRONG: Readonly<Record<string, readonly (readonly [Loose, string])[]>> = {
  'the issuer role': [
    [{ issuer: undefined }, `issuer ${URL_MESSAGE}`],
    [{ issuer: 'auth.example' }, `issuer ${URL_MESSAGE}`],
    [{ issuer: 'ftp://auth.example' }, `issuer ${URL_MESSAGE}`],
    [{ issuer: 'https://auth.example?x' }, `issuer ${URL_MESSAGE}`],
    [{ issuer: 'https://auth.example#x' }, `issuer ${URL_MESSAGE}`],
    [{ issuer: 'https://auth.example/?' }, `issuer ${URL_MESSAGE}`],
    [{ issuer: ' https://auth.example' }, `issuer ${URL_MESSAGE}`],
    [{ issuer: 'https://user@auth.example' }, `issuer ${URL_MESSAGE}`],
    [{ issuer: 'https://:@auth.example' }, `issuer ${URL_MESSAGE}`],
    [{ issuer: 'https:///auth.example' }, `issuer ${URL_MESSAGE}`],
    [{ issuer: 'https://auth.example\\x' }, `issuer ${URL_MESSAGE}`],
    [{ audience: undefined }, `audience ${AUDIENCE_MESSAGE}`],
    [{ audience: '' }, `audience ${AUDIENCE_MESSAGE}`],
    [{ audience: [] }, `audience ${AUDIENCE_MESSAGE}`],
    [{ audience: ['https://api.example', 7] }, `audience ${AUDIENCE_MESSAGE}`],
    [{ resource: '' }, `resource ${AUDIENCE_MESSAGE}`],
    [{ resource: 'https://other.example' }, `resource must be among audience: ${OPTIONS.audience}`],
    [{ clients: 'web' }, 'clients must be an array of clients, or a function that looks one up by its id'],
    [{ store: {} }, STORE_MESSAGE],
    [{ store: null }, STORE_MESSAGE],
    [{ grants: { password: async () => ({}) } }, 'grants: the password grant must not be used (RFC 9700 section 2.4)'],
    [{ grants: { refresh_token: async () => ({}) } }, 'grants: "refresh_token" is built in'],
    [{ grants: { client_credentials: async () => ({}) } }, 'grants: "client_credentials" is built in'],
    [
      { grants: { authorization_code: async () => ({}) } },
      'grants: "authorization_code" needs an authorization endpoint, and this server has none'
    ],
    [{ grants: { 'urn:x': {} } }, 'grants: the handler of "urn:x" must be a function'],
    [{ signingAlg: 'HS256' }, 'signingAlg must be RS256, ES256 or EdDSA'],
    [
      { signingKeys: ['a PEM'], signingAlg: 'ES256' },
      'signingAlg is for the generated key: leave it out beside signingKeys, each of which has its own'
    ],
    [{ signingKeySecret: 'x'.repeat(31) }, SECRET_MESSAGE],
    [{ signingKeySecret: 32 }, SECRET_MESSAGE],
    [
      { signingKeys: ['a PEM'], signingAlg: undefined, signingKeySecret: 'x'.repeat(32) },
      'signingKeySecret is for the generated key: leave it out beside signingKeys, which are not kept'
    ],
    [{ signingKeys: 'a PEM' }, 'signingKeys must be an array of private keys'],
    [{ signingKeys: [] }, 'signingKeys must hold at least one private key'],
    [{ signingKeys: ['a PEM'] }, 'signingKeys[] must be private keys as PKCS#8 PEM, JWK or KeyObject']
  ],
  durations: [
    [{ storeTimeout: 0.04 }, TIMEOUT_MESSAGE],
    [{ storeTimeout: 61 }, TIMEOUT_MESSAGE],
    [{ storeTimeout: '2' }, TIMEOUT_MESSAGE],
    [{ accessTokenTtl: 0 }, SECONDS('accessTokenTtl', 1, EVER)],
    [{ accessTokenTtl: 1.5 }, SECONDS('accessTokenTtl', 1, EVER)],
    [{ accessTokenTtl: '3600' }, SECONDS('accessTokenTtl', 1, EVER)],
    [{ refreshToken: { idleTtl: -1 } }, SECONDS('refreshToken.idleTtl', 1, EVER)],
    [{ refreshToken: { absoluteTtl: EVER + 1 } }, SECONDS('refreshToken.absoluteTtl', 1, EVER)],
    [
      { refreshToken: { idleTtl: 61, absoluteTtl: 60 } },
      'refreshToken.idleTtl must not be more than refreshToken.absoluteTtl'
    ],
    [{ refreshToken: { graceWindow: 61 } }, SECONDS('refreshToken.graceWindow', 0, 60)],
    [{ refreshToken: { idleTtl: '14d' } }, SECONDS('refreshToken.idleTtl', 1, EVER)],
    [
      { accessTokenTtl: 30, refreshToken: { graceWindow: 30 } },
      'refreshToken.graceWindow must be less than accessTokenTtl'
    ],
    [{ pruneInterval: 0 }, SECONDS('pruneInterval', 1, 86_400)],
    [{ clockTolerance: 61 }, SECONDS('clockTolerance', 0, 60)],
    [{ failedAttempts: { max: 10 } }, SECONDS('failedAttempts.window', 1, 86_400)],
    [{ failedAttempts: { max: 0, window: 60 } }, 'failedAttempts.max must be a whole number above 0'],
    [{ now: Date.now }, CLOCK_MESSAGE],
    [{ now: 1_800_000_000 }, CLOCK_MESSAGE],
    [{ now: () => Number.NaN }, CLOCK_MESSAGE]
  ],
  'the rest': [
    [
      { revocationCheck: true },
      "revocationCheck must be 'closed' or 'open': whether own tokens pass while the store is down"
    ],
    [{ refreshToken: { reuse: 'client' } }, "refreshToken.reuse must be 'user' or 'family'"],
    [{ refreshToken: null }, 'refreshToken must be an object'],
    [{ revocationReasons: 'logout' }, REASONS_MESSAGE],
    [{ revocationReasons: ['two words'] }, REASONS_MESSAGE],
    [{ revocationReasons: [7] }, REASONS_MESSAGE],
    [{ prefix: 'oauth' }, `prefix ${PATH_MESSAGE}`],
    [{ prefix: '/oauth/' }, `prefix ${PATH_MESSAGE}`],
    [{ prefix: '/' }, `prefix ${PATH_MESSAGE}`],
    [{ prefix: '/..' }, `prefix ${PATH_MESSAGE}`],
    [{ prefix: '/a/./b' }, `prefix ${PATH_MESSAGE}`],
    [{ realm: 'a "quoted" realm' }, 'realm must be printable ASCII without quotes and backslashes'],
    [{ realm: 'é' }, 'realm must be printable ASCII without quotes and backslashes'],
    [{ telemetry: [] }, 'telemetry must be an object'],
    [{ telemetry: { userId: 'md5' } }, "telemetry.userId must be 'plain', 'hash' or 'omit'"],
    [{ telemetry: { userId: 'hash', userIdKey: 'x'.repeat(31) } }, USER_ID_KEY_MESSAGE],
    [{ telemetry: { userId: 'hash', userIdKey: 32 } }, USER_ID_KEY_MESSAGE],
    [{ telemetry: { userIdKey: 'x'.repeat(32) } }, "telemetry.userIdKey is the key of userId: 'hash'"],
    [
      { telemetry: { trustIncomingTrace: 'yes' } },
      'telemetry.trustIncomingTrace must be true, false, or a function of the request'
    ],
    [{ telemetry: { clientLimit: 0 } }, 'telemetry.clientLimit must be a whole number above 0'],
    [{ telemetry: { onEvent: {} } }, 'telemetry.onEvent must be a function of one event'],
    [{ metrics: true }, 'metrics must be a path, an object, or false'],
    [{ metrics: null }, 'metrics must be an object'],
    [{ metrics: 'metrics' }, `metrics.path ${PATH_MESSAGE}`],
    [{ metrics: { path: '/metrics?x' } }, `metrics.path ${PATH_MESSAGE}`],
    [{ metrics: { port: 70_000 } }, 'metrics.port must be a port number'],
    [{ metrics: { port: '9464' } }, 'metrics.port must be a port number'],
    [{ metrics: { port: 9464, onRequest: async () => {} } }, 'metrics takes port or onRequest, not both'],
    [{ metrics: { port: 0, host: '' } }, 'metrics.host must be a host name or address'],
    [{ metrics: { host: '::1' } }, 'metrics.host is that of the listener apart: give metrics.port too'],
    [{ metrics: { onRequest: 'admin' } }, 'metrics.onRequest must be a hook, or an array of hooks'],
    [
      { metrics: { exporter: {} } },
      'metrics.exporter must have collect(): pass a PrometheusExporter made with preventServerStart: true'
    ]
  ],
  trust: [
    [{ trust: [] }, TRUST_MESSAGE],
    [{ trust: TENANT }, TRUST_MESSAGE],
    [{ trust: [null] }, 'trust[] must be an object'],
    [{ trust: [{ ...TENANT, issuer: 'tenant' }] }, `trust[].issuer ${URL_MESSAGE}`],
    [{ trust: [{ ...TENANT, audience: [] }] }, `trust[].audience ${AUDIENCE_MESSAGE}`],
    [{ trust: [TENANT, TENANT] }, 'trust[].issuer "https://tenant.example" appears twice'],
    [{ trust: [{ ...TENANT, issuer: OPTIONS.issuer }] }, 'trust[].issuer must not be this server itself'],
    [
      { trust: [{ ...TENANT, keys: [{}], jwksUri: 'https://tenant.example/jwks' }] },
      'trust[] takes keys or jwksUri, not both'
    ],
    [{ trust: [{ ...TENANT, keys: [] }] }, 'trust[].keys must hold at least one public JWK, in an array'],
    [{ trust: [{ ...TENANT, keys: {} }] }, 'trust[].keys must hold at least one public JWK, in an array'],
    [{ trust: [{ ...TENANT, profile: 'oidc' }] }, "trust[].profile must be 'rfc9068' or 'jwt'"],
    [
      { trust: [{ ...TENANT, jwksUri: 'http://tenant.example' }] },
      'trust[].jwksUri must be https, or http on loopback'
    ],
    [
      { trust: [{ ...TENANT, issuer: 'http://tenant.example' }] },
      'trust[].issuer must be https, or http on loopback, for its keys to be found: or give trust[].keys or trust[].jwksUri'
    ]
  ],
  'what is misspelt': [
    [
      { acessTokenTtl: 60 },
      'fastify-oauth-telemetry has no "acessTokenTtl": it takes issuer, audience, resource, clients, store, storeTimeout, revocationCheck, signingKeys, signingAlg, signingKeySecret, grants, accessTokenTtl, refreshToken, revocationReasons, failedAttempts, prefix, pruneInterval, trust, clockTolerance, realm, now, telemetry, metrics'
    ],
    [{ refreshToken: { ttl: 60 } }, 'refreshToken has no "ttl": it takes idleTtl, absoluteTtl, graceWindow, reuse'],
    [{ failedAttempts: { max: 1, window: 1, per: 1 } }, 'failedAttempts has no "per": it takes max, window'],
    [
      { telemetry: { userID: 'omit' } },
      'telemetry has no "userID": it takes userId, userIdKey, trustIncomingTrace, clientLimit, onEvent'
    ],
    [{ metrics: { guard: () => {} } }, 'metrics has no "guard": it takes path, onRequest, port, host, exporter'],
    [
      { trust: [{ ...TENANT, jwks_uri: 'x' }] },
      'trust[] has no "jwks_uri": it takes issuer, audience, keys, jwksUri, profile'
    ],
    [
      { clients: [{ id: 'a', secrets: ['x'] }] },
      'clients[] has no "secrets": it takes id, secret, secretDigest, grants, scope, introspect'
    ]
  ],
  clients: [
    [{ clients: [null] }, 'clients[] must be an object'],
    [{ clients: [{ id: 7 }] }, 'clients[].id must be 1 to 256 printable ASCII characters'],
    [
      { clients: [{ id: 'a', secret: undefined }] },
      'clients[] "a": secret is undefined: leave it out to make the client public'
    ],
    [
      { clients: [{ id: 'a', secretDigest: undefined }] },
      'clients[] "a": secretDigest is undefined: leave it out to make the client public'
    ],
    [{ clients: [{ id: 'a', grants: 'refresh_token' }] }, `clients[].grants of "a" ${GRANTS_MESSAGE}`],
    [{ clients: [{ id: 'a', grants: [''] }] }, `clients[].grants of "a" ${GRANTS_MESSAGE}`],
    [
      { clients: [{ id: 'a', grants: ['refresh-token'] }], grants: { 'urn:x': async () => ({}) } },
      'clients[].grants of "a" must be an array of the grant types there are: client_credentials, urn:x, refresh_token, authorization_code'
    ],
    [
      { clients: [{ id: 'a', scope: 'orders:read' }] },
      'clients[].scope of "a" must be an array of scope tokens (RFC 6749 section 3.3)'
    ],
    [
      { clients: [{ id: 'a', scope: ['a b'] }] },
      'clients[].scope of "a" must be an array of scope tokens (RFC 6749 section 3.3)'
    ],
    [
      { clients: [{ id: 'a', scope: ['a"b'] }] },
      'clients[].scope of "a" must be an array of scope tokens (RFC 6749 section 3.3)'
    ],
    [
      { clients: [{ id: 'a', introspect: 'yes' }] },
      'clients[].introspect of "a" must be true, false or an array of audiences'
    ],
    [
      { clients: [{ id: 'a', introspect: [''] }] },
      'clients[].introspect of "a" must be true, false or an array of audiences'
    ]
  ]
}
