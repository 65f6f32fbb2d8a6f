import { isConfidential } from '../clients.ts'
import { OAuthError } from '../errors.ts'
import type { GrantHandler } from './grant.ts'

/** RFC 6749 section 4.4: the client acts for itself; confidential clients only, and never a refresh token (4.4.3). */
export const clientCredentials: GrantHandler = async ({ client }) => {
  if (!isConfidential(client)) {
    throw new OAuthError('unauthorized_client', 'The client may not use this grant type.')
  }
  return {}
}
