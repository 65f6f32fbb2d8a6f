import fastify from 'fastify'
import oauthTelemetry from '../../lib/index.ts'
import { audience, issuer, reports, scope } from '../scenario.ts'
import { announce, settings } from './channel.ts'
import { populate } from './ours-sqlite-population.ts'
import { openStore } from './ours-stores.ts'
import { startTelemetry } from './telemetry.ts'

export interface OursSqliteExpiringSettings {
  tokens: number
  clients: number
  /** Seconds from the moment that it listens until the first expires, and from then until the last does. */
  idle: number
  expiring: number
}

const { tokens, clients, idle, expiring } = settings<OursSqliteExpiringSettings>()
const stopTelemetry = startTelemetry()
const store = openStore({ sqlite: 'normal' })

// The clock stands still until all tokens are written.
const standing = Math.floor(Date.now() / 1000)
await populate(
  store,
  {
    tokens,
    clients,
    times: (pair, pairs) => {
      const expiresAt = standing + idle + Math.floor((pair / pairs) * expiring)
      return { issuedAt: standing - 3600 * (1 - pair / pairs), access: expiresAt, refresh: expiresAt }
    }
  },
  1
)
const begun = performance.now()

const app = fastify()
await app.register(oauthTelemetry, {
  issuer,
  audience,
  clients: [{ ...reports, grants: ['client_credentials'], scope: [scope] }],
  store,
  signingAlg: 'ES256',
  now: () => standing + (performance.now() - begun) / 1000
})
await app.listen({ port: 0, host: '127.0.0.1' })
announce(app.server, {}, stopTelemetry)
