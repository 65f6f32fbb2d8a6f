import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import { type Configuration, Provider } from 'oidc-provider'
import MemoryAdapter from 'oidc-provider/lib/adapters/memory_adapter.js'
import { type Alg, audience, gateway, issuer, reports, scope, subject, web } from '../scenario.ts'
import { announce, settings } from './channel.ts'

export interface OidcProviderSettings {
  alg: Alg
  /** Access tokens that can be introspected must be opaque here: it refuses to introspect JWTs. */
  accessTokenFormat: 'jwt' | 'opaque'
  mint?: { kind: 'access' | 'refresh'; count: number }
}

const { alg, accessTokenFormat, mint } = settings<OidcProviderSettings>()

const resourceServer = { scope, audience, accessTokenFormat, accessTokenTTL: 3600, jwt: { sign: { alg } } }
// A Map in place of its LRU of 1,000 entries.
const storage = new Map<string, unknown>()

const provider = new Provider(issuer, {
  adapter: (model) => new MemoryAdapter(model, storage),
  jwks: { keys: [{ ...privateJwk(), use: 'sig', alg }] },
  clientDefaults: { id_token_signed_response_alg: alg },
  clients: [
    {
      client_id: reports.id,
      client_secret: reports.secret,
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
      scope
    },
    {
      client_id: web.id,
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: ['https://app.example/callback'],
      scope: `${scope} offline_access`
    },
    { client_id: gateway.id, client_secret: gateway.secret, grant_types: [], response_types: [], redirect_uris: [] }
  ],
  scopes: ['offline_access', scope],
  findAccount: async (_, accountId) => ({ accountId, claims: async () => ({ sub: accountId }) }),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: async () => true },
    resourceIndicators: {
      enabled: true,
      defaultResource: async () => audience,
      getResourceServerInfo: async () => resourceServer,
      useGrantedResource: async () => true
    }
  },
  ttl: { AccessToken: 3600, ClientCredentials: 3600, Grant: 86_400, RefreshToken: 86_400 }
} satisfies Configuration)

const tokens: string[] = []
for (let minted = 0; minted < (mint?.count ?? 0); minted++) {
  tokens.push(await (mint?.kind === 'refresh' ? refreshToken() : accessToken()))
}

const server = createServer(provider.callback())
server.listen(0, '127.0.0.1', () => announce(server, { tokens }))

function privateJwk(): object {
  const { privateKey } =
    alg === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  return privateKey.export({ format: 'jwk' })
}

async function authorization() {
  const client = await provider.Client.find(web.id)
  if (client === undefined) throw new TypeError('the public client is unknown')
  const grant = new provider.Grant({ accountId: subject, clientId: web.id })
  grant.addResourceScope(audience, scope)
  return { client, accountId: subject, grantId: await grant.save() }
}

async function refreshToken(): Promise<string> {
  const token = new provider.RefreshToken({
    ...(await authorization()),
    scope,
    resource: audience,
    gty: 'authorization_code'
  })
  return token.save()
}

async function accessToken(): Promise<string> {
  const token = new provider.AccessToken({ ...(await authorization()), scope, gty: 'authorization_code' })
  token.resourceServer = new provider.ResourceServer(audience, resourceServer)
  return token.save()
}
