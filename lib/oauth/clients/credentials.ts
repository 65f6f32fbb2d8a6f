import { OAuthError } from '../errors.ts'
import { formDecode } from '../wire/form.ts'
import type { FormRequest } from '../wire/request.ts'

/** What a client presented to show who it is (RFC 6749 section 2.3). */
export type ClientCredentials =
  | { readonly method: 'client_secret_basic' | 'client_secret_post'; readonly id: string; readonly secret: string }
  | { readonly method: 'none'; readonly id: string }

export const CLIENT_AUTH_METHODS = ['client_secret_basic', 'client_secret_post', 'none'] as const

/** The refusal for every way of failing to authenticate, so that none can be told from another: clients cannot be listed by guessing. */
export function invalidClient(): OAuthError {
  return new OAuthError('invalid_client', 'Client authentication failed.')
}

const BASIC = /^basic +([A-Za-z0-9+/]+={0,2})$/i
const PRINTABLE = /^[\x20-\x7E]*$/

/** RFC 6749 section 2.3.1: each half of the pair is form-urlencoded before it is base64-encoded. */
function readBasic(header: string): { id: string; secret: string } {
  const encoded = BASIC.exec(header)?.[1]
  if (encoded === undefined) throw invalidClient()
  const pair = Buffer.from(encoded, 'base64').toString('latin1')
  const colon = pair.indexOf(':')
  if (colon < 1 || !PRINTABLE.test(pair)) throw invalidClient()
  return {
    id: formDecode(pair.slice(0, colon), invalidClient),
    secret: formDecode(pair.slice(colon + 1), invalidClient)
  }
}

/**
 * Reads client credentials; one method per request (RFC 6749 section 2.3).
 *
 * @throws OAuthError `invalid_request` for two methods or two client ids, `invalid_client` for none or broken ones
 */
export function readCredentials({ authorization, form }: FormRequest): ClientCredentials {
  const bodyId = form.get('client_id')
  const bodySecret = form.get('client_secret')
  if (authorization.length > 1) {
    throw new OAuthError('invalid_request', 'The Authorization header appears more than once.')
  }
  const [header] = authorization
  if (header !== undefined) {
    if (bodySecret !== undefined) {
      throw new OAuthError('invalid_request', 'Only one client authentication method may be used.')
    }
    const { id, secret } = readBasic(header)
    if (bodyId !== undefined && bodyId !== id) {
      throw new OAuthError('invalid_request', 'The client_id differs from the authenticated client.')
    }
    return { method: 'client_secret_basic', id, secret }
  }
  if (bodyId === undefined) throw invalidClient()
  if (bodySecret !== undefined) return { method: 'client_secret_post', id: bodyId, secret: bodySecret }
  return { method: 'none', id: bodyId }
}
