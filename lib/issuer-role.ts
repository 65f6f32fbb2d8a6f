import type { FastifyInstance } from 'fastify'
import { claimsAsRead } from './jwt/claims.ts'
import { keptSigningKey } from './jwt/kept-keys.ts'
import { accessTokenSigner } from './jwt/signer.ts'
import { loadSigningKeys, type SigningKey } from './jwt/signing-keys.ts'
import { clientAuthentication } from './oauth/clients/authenticate.ts'
import { type ClientRegistry, clientRegistry } from './oauth/clients/clients.ts'
import { BUILT_IN_GRANTS } from './oauth/grants/built-in.ts'
import type { GrantHandler } from './oauth/grants/grant.ts'
import { grantTypes, REFRESH_TOKEN } from './oauth/grants/grant-types.ts'
import type { Kernel, Rules } from './oauth/kernel.ts'
import { createTokenServer, type TokenServer } from './oauth/server.ts'
import { failClosed } from './oauth/store/fail-closed.ts'
import type { TokenStore } from './oauth/store/store.ts'
import type { AccessTokenVerifier } from './oauth/tokens/access-token.ts'
import { GraceAnswers } from './oauth/tokens/grace-answers.ts'
import { Races } from './oauth/tokens/races.ts'
import type { OAuthTelemetryOptions } from './options/options.ts'
import { readRules } from './options/rules.ts'
import type { Settings } from './options/settings.ts'
import { pruneRegularly } from './pruning.ts'
import { withoutQuery } from './routes/log-serializers.ts'
import { metadata } from './routes/metadata.ts'
import { tokenEndpoints } from './routes/token-endpoints.ts'
import { MemoryStore } from './stores/memory.ts'
import type { Observation } from './telemetry/observation.ts'
import { observeTokenServer } from './telemetry/observe-token-server.ts'

/** What the issuer role needs, before there is a server. */
export interface IssuerParts {
  readonly rules: Rules
  readonly clients: ClientRegistry
  readonly store: TokenStore
  readonly keys: readonly [SigningKey, ...SigningKey[]]
  readonly grants: ReadonlyMap<string, GrantHandler>
}

/**
 * Reads the options of the issuer role, and then asks the store for its key; `undefined` when there is no such role. From
 * here on the store is closed with the server, also where the server never starts.
 */
export async function issuerParts(
  fastify: FastifyInstance,
  options: OAuthTelemetryOptions,
  settings: Settings
): Promise<IssuerParts | undefined> {
  if (settings.clients === undefined) return undefined
  const { signingAlg = 'RS256', signingKeySecret: secret } = options
  const bare = options.store ?? new MemoryStore()
  const store = failClosed(bare, settings.storeTimeout)
  // Hooks of this kind run last first: what everything else stands on goes last.
  fastify.addHook('onClose', () => store.close())
  const grants = new Map([...BUILT_IN_GRANTS, ...Object.entries(settings.grants)])
  return {
    rules: readRules(options),
    clients: clientRegistry(settings.clients, grantTypes(grants)),
    grants,
    store,
    keys: await loadSigningKeys(
      options.signingKeys ?? [await keptSigningKey(signingAlg, { store, storeName: bare.constructor.name, secret })]
    )
  }
}

/** Builds the issuer role, and registers its endpoints. */
export async function serveTokens(
  fastify: FastifyInstance,
  settings: Settings,
  { rules, clients, store, keys, grants }: IssuerParts,
  verifier: AccessTokenVerifier,
  observation: Observation
): Promise<{ kernel: Kernel; server: TokenServer; prune: () => Promise<void> }> {
  const { now, failedAttempts, prefix, realm } = settings
  const { trustIncomingTrace } = settings.telemetry
  const kernel: Kernel = {
    rules,
    clients,
    grants,
    store,
    races: new Races(),
    graceAnswers: new GraceAnswers(),
    verifier,
    now,
    authenticate: clientAuthentication(clients, failedAttempts, now),
    sign: accessTokenSigner(keys[0]),
    claimsAsRead
  }
  const server = createTokenServer(kernel, (bare) => observeTokenServer(bare, observation))
  await fastify.register(tokenEndpoints, {
    prefix,
    logSerializers: withoutQuery,
    kernel,
    server,
    realm,
    trustIncomingTrace
  })
  await fastify.register(metadata, {
    issuer: rules.issuer,
    endpointPath: prefix,
    keys: keys.map(({ publicJwk }) => publicJwk),
    grants: [...grants.keys(), REFRESH_TOKEN],
    scopes: new Set(clients.known.flatMap(({ scope }) => scope))
  })
  return { kernel, server, prune: pruneRegularly(fastify, server, settings.pruneInterval) }
}
