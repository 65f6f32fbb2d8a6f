import { Agent, Response, fetch as undiciFetch } from 'undici'

/** fetch as jose calls it and as discovery uses it. */
export type KeyFetch = (
  url: string,
  init: { headers?: Headers; method?: 'GET'; redirect?: 'manual'; signal?: AbortSignal }
) => Promise<Response>

/** Key sets and metadata are small; a larger answer is not read to its end. */
const MAX_BYTES = 512 * 1024

/** Reads an answer, counting what it is after decompression. @throws Error when it is too large */
async function bounded({ status, body }: Response): Promise<Response> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.length
    if (size > MAX_BYTES) throw new Error('the answer of the key server is too large')
    chunks.push(chunk)
  }
  return new Response(status === 200 ? Buffer.concat(chunks) : null, { status })
}

/** Fetches from key servers: https only (http on loopback), no redirects, bounded in size. */
export function keyFetch(): { fetch: KeyFetch; close: () => Promise<void> } {
  const dispatcher = new Agent({ connect: { timeout: 5_000 } })
  return {
    async fetch(url, init) {
      if (!isKeyServerUrl(url)) throw new TypeError('the URL of a key server must be https, or http on loopback')
      const response = await undiciFetch(url, {
        ...init,
        headers: [...(init.headers ?? [])],
        redirect: 'error',
        dispatcher
      } as Parameters<typeof undiciFetch>[1])
      return bounded(response)
    },
    close: () => dispatcher.destroy()
  }
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

/** Whether keys may be fetched from a URL: https, or http on loopback (RFC 8414 section 2 requires TLS). */
export function isKeyServerUrl(url: string): boolean {
  const { protocol, hostname } = URL.canParse(url) ? new URL(url) : {}
  return protocol === 'https:' || (protocol === 'http:' && LOOPBACK.has(hostname ?? ''))
}

/** RFC 8414 section 3.1 puts the well-known part before the issuer's path; OpenID Connect Discovery puts it behind. */
function metadataUrls(issuer: string): string[] {
  const { origin, pathname } = new URL(issuer)
  const path = pathname === '/' ? '' : pathname.replace(/\/$/, '')
  return [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}${path}/.well-known/openid-configuration`
  ]
}

/**
 * Finds an issuer's JWKS by its metadata. The metadata must name the issuer it was asked for (RFC 8414 section 3.3).
 *
 * @throws Error when no metadata with a usable `jwks_uri` answers
 */
export async function discoverJwksUri(issuer: string, fetch: KeyFetch, timeout: number): Promise<URL> {
  for (const url of metadataUrls(issuer)) {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeout) })
    if (response.status !== 200) continue
    const metadata = (await response.json()) as { issuer?: unknown; jwks_uri?: unknown } | null
    if (metadata?.issuer !== issuer) throw new Error('the metadata is of another issuer')
    if (typeof metadata.jwks_uri !== 'string') throw new Error('the metadata has no jwks_uri')
    return new URL(metadata.jwks_uri)
  }
  throw new Error('no metadata was found')
}
