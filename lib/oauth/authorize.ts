import type { RegisteredClient } from './clients/clients.ts'
import type { GrantDecision } from './grants/grant.ts'
import { REFRESH_TOKEN } from './grants/grant-types.ts'
import type { Kernel } from './kernel.ts'
import { type Asked, grantedTerms } from './tokens/terms.ts'
import type { Authorization } from './verbs/issue.ts'

/**
 * Makes a decision about a client complete: what is asked for within what is allowed, and a refresh token only for a
 * client that can use one, and where there is a resource owner. A client that acts for itself just asks again (RFC
 * 6749 section 4.4.3).
 *
 * @throws TypeError when a refresh token is decided that the client may not have, or claims that no guard would accept
 * @throws OAuthError `invalid_scope` or `invalid_target`
 */
export function authorize(
  { rules, claimsAsRead }: Kernel,
  client: RegisteredClient,
  grantType: string,
  decision: GrantDecision,
  asked: Asked
): Authorization {
  const { subject, refreshable, claims } = decision
  if (refreshable && (subject === undefined || !client.grants.includes(REFRESH_TOKEN))) {
    throw new TypeError(
      `refreshable needs a subject, and a client with the refresh_token grant: grant "${grantType}", client "${client.id}"`
    )
  }
  const terms = grantedTerms(asked, { scope: decision.scope ?? client.scope, audience: rules.audience })
  return {
    clientId: client.id,
    subject,
    ...terms,
    grantType,
    refresh: refreshable ? terms : undefined,
    claims: claims === undefined ? undefined : claimsAsRead(claims)
  }
}
