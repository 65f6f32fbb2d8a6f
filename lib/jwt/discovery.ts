import { issuerPath, metadataPath } from '../oauth/wire/metadata-path.ts'
import type { KeyFetch } from './key-fetch.ts'

/** The `jwks_uri` of the metadata at a URL, which must name the issuer it was asked for (RFC 8414 section 3.3). */
async function jwksUriAt(url: string, issuer: string, fetch: KeyFetch, timeout: number): Promise<URL> {
  const response = await fetch(url, { signal: AbortSignal.timeout(timeout) })
  if (response.status !== 200) throw new Error('no metadata was found')
  const metadata = (await response.json()) as { issuer?: unknown; jwks_uri?: unknown } | null
  if (metadata?.issuer !== issuer) throw new Error('the metadata is of another issuer')
  if (typeof metadata.jwks_uri !== 'string') throw new Error('the metadata has no jwks_uri')
  const jwksUri = new URL(metadata.jwks_uri)
  // http is for development on this machine, where the issuer is: not for what a server elsewhere may point at here.
  if (issuer.startsWith('https:') && jwksUri.protocol !== 'https:') throw new Error('the jwks_uri is not https')
  return jwksUri
}

/**
 * Finds an issuer's JWKS by its metadata: where RFC 8414 section 3.1 puts it, before the issuer's path; else where
 * OpenID Connect Discovery section 4 does, behind it. What is wrong with the first is no reason not to ask the second:
 * servers that know only OpenID Connect answer all kinds of things there, not only 404.
 *
 * @throws Error when neither has metadata with a `jwks_uri`
 */
export async function discoverJwksUri(issuer: string, fetch: KeyFetch, timeout: number): Promise<URL> {
  const { origin } = new URL(issuer)
  try {
    return await jwksUriAt(origin + metadataPath(issuer), issuer, fetch, timeout)
  } catch {
    return jwksUriAt(`${origin}${issuerPath(issuer)}/.well-known/openid-configuration`, issuer, fetch, timeout)
  }
}
