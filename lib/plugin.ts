import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { issuerApi, noIssuerApi, type OAuth, resourceServerApi } from './api.ts'
import { createGuard, TOKEN } from './guard.ts'
import { type IssuerParts, issuerParts, serveTokens } from './issuer-role.ts'
import { tokenDecoder } from './jwt/decoder.ts'
import type { Issuer } from './jwt/issuer.ts'
import { keyFetch } from './jwt/key-fetch.ts'
import { ownIssuer } from './jwt/own-issuer.ts'
import { trustedIssuer } from './jwt/trusted-issuer.ts'
import { accessTokenVerifier } from './jwt/verifier.ts'
import { createResourceServer } from './oauth/server.ts'
import type { AccessToken, AccessTokenVerifier } from './oauth/tokens/access-token.ts'
import type { OAuthTelemetryOptions } from './options/options.ts'
import { readSettings, type Settings } from './options/settings.ts'
import { warnInProduction } from './production.ts'
import { afterPruning } from './pruning.ts'
import { metricsListener, metricsRoute } from './routes/metrics.ts'
import { observeResourceServer } from './telemetry/observe-resource-server.ts'
import type { MetricsText } from './telemetry/prometheus.ts'
import { createTelemetry, type Telemetry } from './telemetry/telemetry.ts'
import { VERSION } from './version.ts'

declare module 'fastify' {
  interface FastifyInstance {
    oauth: OAuth
  }
  interface FastifyRequest {
    /**
     * The validated access token.
     *
     * @throws TypeError on a route that `oauth.require` does not guard
     */
    readonly token: AccessToken
  }
}

function startTelemetry(settings: Settings, issuer: IssuerParts | undefined): Telemetry {
  const { now, trust, metrics } = settings
  return createTelemetry({
    ...settings.telemetry,
    version: VERSION,
    clients: issuer?.clients.known ?? [],
    otherClients: trust.length > 0 || typeof settings.clients === 'function',
    keyServers: trust.filter(({ keys }) => keys === undefined).map((trusted) => trusted.issuer),
    countLive: issuer && (() => issuer.store.countLive(now())),
    source: metrics === undefined ? 'none' : (metrics.exporter ?? 'own'),
    now
  })
}

/** Own keys and those of trusted issuers, behind one verifier. */
async function verifierOf(
  fastify: FastifyInstance,
  { trust, clockTolerance, now }: Settings,
  issuer: IssuerParts | undefined,
  telemetry: Telemetry
): Promise<AccessTokenVerifier> {
  const issuers: Issuer[] = []
  if (issuer !== undefined) {
    const { rules, keys } = issuer
    issuers.push(ownIssuer({ issuer: rules.issuer, audience: rules.audience, keys, clockTolerance }))
  }
  const { fetch, close } = keyFetch()
  fastify.addHook('onClose', close)
  for (const trusted of trust) {
    issuers.push(
      trustedIssuer(trusted, clockTolerance, {
        fetch,
        onFetched: telemetry.keysFetched,
        onRejected: (name, rejected) =>
          fastify.log.warn({ issuer: name, rejected }, 'keys of a trusted issuer are left out')
      })
    )
  }
  return accessTokenVerifier(issuers, await tokenDecoder(fastify), now)
}

async function serveMetrics(
  fastify: FastifyInstance,
  { metrics }: Settings,
  text: MetricsText | undefined
): Promise<void> {
  if (metrics === undefined || text === undefined) return
  const { path, port, host, onRequest } = metrics
  if (port === undefined) await fastify.register(metricsRoute, { text, path, guard: onRequest })
  else metricsListener(fastify, { text, path, port, host })
}

async function oauthTelemetry(fastify: FastifyInstance, options: OAuthTelemetryOptions): Promise<void> {
  const settings = readSettings(options)
  const issuer = await issuerParts(fastify, options, settings)
  const telemetry = startTelemetry(settings, issuer)
  fastify.addHook('onClose', () => telemetry.shutdown())
  telemetry.reportToGlobalProvider()
  fastify.addHook('onReady', async () => telemetry.reportToGlobalProvider())

  const verifier = await verifierOf(fastify, settings, issuer, telemetry)
  const resourceServer = observeResourceServer(
    createResourceServer({
      verifier,
      store: issuer?.store,
      revocationCheck: settings.revocationCheck,
      resource: issuer?.rules.resource ?? []
    }),
    telemetry.observation
  )
  const { trustIncomingTrace } = settings.telemetry
  const require = createGuard({ server: resourceServer, realm: settings.realm, trustIncomingTrace })

  const role = issuer && (await serveTokens(fastify, settings, issuer, verifier, telemetry.observation))
  const text = telemetry.metricsText
  await serveMetrics(fastify, settings, text && role ? afterPruning(text, role.prune) : text)

  fastify.decorate('oauth', {
    ...resourceServerApi(resourceServer, require),
    ...(role === undefined ? noIssuerApi() : issuerApi(role.kernel, role.server))
  })
  fastify.decorateRequest(TOKEN, undefined)
  fastify.decorateRequest('token', {
    getter() {
      const token = this[TOKEN]
      if (token === undefined) {
        throw new TypeError('request.token is only there on routes guarded by fastify.oauth.require()')
      }
      return token
    }
  })

  warnInProduction(fastify, options)
}

export default fp(oauthTelemetry, { name: 'fastify-oauth-telemetry', fastify: '5.x' })
