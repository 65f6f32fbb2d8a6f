import type { FormRequest } from '../wire/request.ts'
import { type AttemptLimit, limitAttempts } from './attempts.ts'
import { type ClientRegistry, isClientId, isConfidential, type RegisteredClient } from './clients.ts'
import { type ClientCredentials, invalidClient, readCredentials } from './credentials.ts'
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

/**
 * Failures are counted per client and source. Ids that belong to nobody are counted apart, so that making them up cannot
 * push the counts of real clients out of memory; and public clients are not counted, since they have nothing to guess
 * and could be locked out by anybody who knows their id.
 */
export function clientAuthentication(clients: ClientRegistry, limit: AttemptLimit, now: () => number): Authenticate {
  const guesses = limitAttempts(limit, now)
  const strays = limitAttempts(limit, now)

  return async function authenticate(request) {
    const credentials = readCredentials(request)
    if (!isClientId(credentials.id)) throw invalidClient()
    const key = `${request.source} ${credentials.id}`
    const refuseWhenExhausted = () => {
      guesses.refuseWhenExhausted(key)
      strays.refuseWhenExhausted(key)
    }
    refuseWhenExhausted()
    const client = await clients.find(credentials.id)
    // Once more: others may have failed during the look-up, and from here to the counting nothing else runs.
    refuseWhenExhausted()
    try {
      return prove(client, credentials)
    } catch (refusal) {
      if (client === undefined) strays.failed(key)
      else if (isConfidential(client)) guesses.failed(key)
      throw refusal
    }
  }
}
