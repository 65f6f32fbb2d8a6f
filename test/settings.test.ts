import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import type { OAuthTelemetryOptions } from '../lib/index.ts'
import { ISSUER_ROLE_ONLY } from '../lib/options/names.ts'
import { buildResourceServer } from './support/resource-server.ts'
import { buildServer } from './support/server.ts'
import { EVER, type Loose, TENANT, WRONG } from './support/wrong-options.ts'

const given = (options: Loose) => options as Partial<OAuthTelemetryOptions>

for (const [subject, cases] of Object.entries(WRONG)) {
  t.test(`wrong options throw at registration, and say what to write instead: ${subject}`, async (t) => {
    for (const [options, message] of cases) {
      await t.rejects(buildServer(t, given(options)), { name: 'TypeError', message }, message)
    }
  })
}

t.test('there must be something to do: clients, or trust, or both', async (t) => {
  await t.rejects(buildResourceServer(t, undefined as never), {
    message:
      'give clients (with issuer and audience) to issue tokens, or trust to accept those of other issuers, or both'
  })
})

t.test('without clients, options of the issuer role are mistakes', async (t) => {
  const options: Loose = {
    issuer: 'https://auth.example',
    audience: 'https://api.example',
    resource: 'https://api.example',
    store: {},
    storeTimeout: 2,
    revocationCheck: 'closed',
    signingKeys: [generateKeyPairSync('ed25519').privateKey],
    signingAlg: 'ES256',
    signingKeySecret: 'x'.repeat(32),
    grants: {},
    accessTokenTtl: 60,
    refreshToken: {},
    revocationReasons: [],
    failedAttempts: { max: 1, window: 1 },
    prefix: '/oauth',
    pruneInterval: 60
  }
  t.strictSame(Object.keys(options).sort(), [...ISSUER_ROLE_ONLY].sort())
  for (const [name, value] of Object.entries(options)) {
    const message = `${name} needs clients: without them nothing is issued`
    await t.rejects(buildResourceServer(t, [TENANT], given({ [name]: value })), { name: 'TypeError', message })
  }
})

t.test('without clients there are no token endpoints, and nothing to issue or revoke', async (t) => {
  const fastify = await buildResourceServer(t, [TENANT])
  for (const url of ['/oauth/token', '/oauth/revoke', '/oauth/introspect']) {
    t.equal((await fastify.inject({ method: 'POST', url })).statusCode, 404)
  }
  for (const url of ['/oauth/jwks', '/.well-known/oauth-authorization-server']) {
    t.equal((await fastify.inject({ url })).statusCode, 404)
  }
  const message = 'this server does not issue tokens: register it with the clients option'
  await t.rejects(fastify.oauth.issue({ clientId: 'web' }), { name: 'TypeError', message })
  await t.rejects(fastify.oauth.revoke({ token: 'x', reason: 'logout', by: 'user' }), { name: 'TypeError', message })
  await t.rejects(fastify.oauth.revokeAll({ subject: 'x', reason: 'logout', by: 'user' }), {
    name: 'TypeError',
    message
  })
})

t.test('what is at the edge of being wrong is right', async (t) => {
  const fastify = await buildServer(t, {
    issuer: 'http://localhost:3000/tenant',
    audience: ['https://a.example', 'b'],
    resource: ['b', 'https://a.example'],
    storeTimeout: 0.05,
    revocationCheck: 'open',
    signingKeySecret: 'x'.repeat(32),
    accessTokenTtl: 61,
    refreshToken: { idleTtl: EVER, absoluteTtl: EVER, graceWindow: 60, reuse: 'family' },
    revocationReasons: ['device_lost'],
    failedAttempts: { max: 1, window: 1 },
    prefix: '/a/b-c_d.e~f',
    pruneInterval: 86_400,
    clockTolerance: 0,
    realm: '',
    now: () => 0,
    telemetry: {
      userId: 'hash',
      userIdKey: 'k'.repeat(32),
      trustIncomingTrace: () => false,
      clientLimit: 1,
      onEvent: () => {}
    },
    metrics: { path: '/m', onRequest: [async () => {}] },
    trust: [{ issuer: 'http://127.0.0.1:1', audience: 'x', profile: 'jwt' }]
  })
  t.equal((await fastify.inject({ url: '/a/b-c_d.e~f/jwks' })).statusCode, 200)
  t.equal((await fastify.inject({ url: '/.well-known/oauth-authorization-server/tenant' })).statusCode, 200)
})
