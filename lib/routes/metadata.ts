import type { FastifyInstance } from 'fastify'
import type { JWK } from 'jose'
import { CLIENT_AUTH_METHODS } from '../oauth/clients/credentials.ts'
import { metadataPath } from '../oauth/wire/metadata-path.ts'
import { openRoutes } from './open-routes.ts'
import * as schemas from './schemas.ts'

/** Keys and metadata change rarely; a minute is short enough for a rotation. */
const CACHE_CONTROL = 'public, max-age=60'

export interface MetadataOptions {
  readonly issuer: string
  /** Path of the token endpoints in this scope. */
  readonly endpointPath: string
  readonly keys: readonly JWK[]
  readonly grants: Iterable<string>
  readonly scopes: Iterable<string>
}

function metadataOf(root: string, { issuer, endpointPath, grants, scopes }: MetadataOptions): Record<string, unknown> {
  const scopesSupported = [...scopes]
  const endpoint = (name: string) => new URL(`${root}${endpointPath}/${name}`, issuer).href
  return {
    issuer,
    token_endpoint: endpoint('token'),
    revocation_endpoint: endpoint('revoke'),
    introspection_endpoint: endpoint('introspect'),
    jwks_uri: endpoint('jwks'),
    grant_types_supported: [...grants],
    response_types_supported: [],
    ...(scopesSupported.length === 0 ? {} : { scopes_supported: scopesSupported }),
    token_endpoint_auth_methods_supported: CLIENT_AUTH_METHODS,
    revocation_endpoint_auth_methods_supported: CLIENT_AUTH_METHODS,
    introspection_endpoint_auth_methods_supported: CLIENT_AUTH_METHODS.filter((method) => method !== 'none')
  }
}

/** What others need to know of this server: its public keys and its metadata. */
export async function metadata(scope: FastifyInstance, options: MetadataOptions): Promise<void> {
  openRoutes(scope)
  scope.setSerializerCompiler(() => JSON.stringify)
  if (scope.prefix !== '') {
    scope.log.warn(
      `fastify-oauth-telemetry: clients look for the metadata at ${metadataPath(options.issuer)} (RFC 8414 section 3.1), and find it only at ${scope.prefix}${metadataPath(options.issuer)}: register without a prefix, or send them there`
    )
  }
  const document = metadataOf(scope.prefix, options)
  const keys = { keys: options.keys }

  scope.get(`${options.endpointPath}/jwks`, { schema: schemas.jwks }, async (_request, reply) => {
    reply.header('cache-control', CACHE_CONTROL).type('application/jwk-set+json')
    return keys
  })
  scope.get(metadataPath(options.issuer), { schema: schemas.metadata }, async (_request, reply) => {
    reply.header('cache-control', CACHE_CONTROL)
    return document
  })
}
