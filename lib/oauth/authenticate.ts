import type { Attempts } from './attempts.ts'
import { type ClientRegistry, isClientId, isConfidential, type RegisteredClient } from './clients.ts'
import { type ClientCredentials, invalidClient, readCredentials } from './credentials.ts'
import type { FormRequest } from './request.ts'
import { matchesAny } from './secrets.ts'

/**
 * The client behind a request. `authenticated` is false for a public client, which only says who it is: its id may
 * not label telemetry until it presents a token of its own.
 */
export interface IdentifiedClient {
  readonly client: RegisteredClient
  readonly authenticated: boolean
}

/** Checks who a client is (RFC 6749 section 2.3). */
export type Authenticate = (request: FormRequest) => Promise<IdentifiedClient>

function prove(client: RegisteredClient | undefined, credentials: ClientCredentials): IdentifiedClient {
  const secret = credentials.method === 'none' ? '' : credentials.secret
  const matches = matchesAny(secret, client?.secretDigests ?? [])
  if (client === undefined) throw invalidClient()
  if (isConfidential(client)) {
    if (!matches) throw invalidClient()
    return { client, authenticated: true }
  }
  if (credentials.method !== 'none') throw invalidClient()
  return { client, authenticated: false }
}

export function clientAuthentication(clients: ClientRegistry, attempts: Attempts): Authenticate {
  return async function authenticate(request) {
    const credentials = readCredentials(request)
    if (!isClientId(credentials.id)) throw invalidClient()
    const key = `${request.source} ${credentials.id}`
    attempts.refuseWhenExhausted(key)
    const client = await clients.find(credentials.id)
    // Once more: others may have failed during the look-up, and from here to the counting nothing else runs.
    attempts.refuseWhenExhausted(key)
    try {
      return prove(client, credentials)
    } catch (refusal) {
      attempts.failed(key)
      throw refusal
    }
  }
}
