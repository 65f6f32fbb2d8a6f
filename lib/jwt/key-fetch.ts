import { Agent, Response, fetch as undiciFetch } from 'undici'

/** fetch as jose calls it, and as discovery.ts does. */
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
  if (!URL.canParse(url)) return false
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' || (protocol === 'http:' && LOOPBACK.has(hostname))
}
