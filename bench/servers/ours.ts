import { readFileSync } from 'node:fs'
import fastify from 'fastify'
import oauthTelemetry, { type StoredToken } from '../../lib/index.ts'
import { type Alg, audience, gateway, issuer, reports, sampledParent, scope, subject, web } from '../scenario.ts'
import { announce, settings } from './channel.ts'
import { openStore, type StoreSetting } from './ours-stores.ts'
import { startTelemetry } from './telemetry.ts'

export interface OursSettings {
  /** Generates a key of its own. */
  alg?: Alg
  /** Or signs and verifies with this RSA key. */
  signingKey?: string
  /** Files of tokens signed with that key, which its store is to know as it knows those it issued. */
  knownTokens?: string[]
  mint?: { kind: 'access' | 'refresh'; count: number }
  /** Without: in memory. */
  store?: StoreSetting
}

const { alg, signingKey, knownTokens = [], mint, store: kind = 'memory' } = settings<OursSettings>()

const stopTelemetry = startTelemetry()
const store = openStore(kind)
for (const file of knownTokens) await store.insert(readFileSync(file, 'utf8').trim().split('\n').map(stored))

const app = fastify()
await app.register(oauthTelemetry, {
  issuer,
  audience,
  clients: [
    { ...reports, grants: ['client_credentials'], scope: [scope] },
    { ...web, grants: ['refresh_token'], scope: [scope] },
    { ...gateway, introspect: true }
  ],
  store,
  ...(signingKey === undefined ? { signingAlg: alg ?? 'RS256' } : { signingKeys: [signingKey] })
})
app.get('/orders', { onRequest: app.oauth.require(scope) }, async () => ({ ok: true }))
await app.listen({ port: 0, host: '127.0.0.1' })

const tokens: string[] = []
for (let minted = 0; minted < (mint?.count ?? 0); minted++) {
  const issued = await app.oauth.issue({
    clientId: web.id,
    subject,
    scope: [scope],
    refreshable: mint?.kind === 'refresh'
  })
  tokens.push((mint?.kind === 'refresh' ? issued.refresh_token : issued.access_token) ?? '')
}
announce(app.server, { tokens }, stopTelemetry)

function stored(token: string): StoredToken {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
  return {
    id: claims.jti,
    type: 'access',
    family: claims.jti,
    clientId: claims.client_id,
    subject: claims.sub,
    scope: [claims.scope],
    audience: claims.aud,
    issuedAt: claims.iat,
    expiresAt: claims.exp,
    familyExpiresAt: claims.exp,
    trace: sampledParent,
    spent: undefined,
    revokedAt: undefined
  }
}
