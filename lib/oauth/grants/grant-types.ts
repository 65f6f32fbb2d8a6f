import type { RegisteredClient } from '../clients.ts'
import type { Kernel } from '../kernel.ts'

/** What is counted as the grant type when the application issues on its own decision. */
export const DIRECT = 'direct'

/** RFC 6749 section 6: the grant that is no handler, but a verb. */
export const REFRESH_TOKEN = 'refresh_token'

/** What an application may run by its own code and name when it issues: a grant of RFC 6749 that is not offered here. */
const AUTHORIZATION_CODE = 'authorization_code'

/** The grant types a client may have. */
function grantTypes(grants: Kernel['grants']): readonly string[] {
  return [...grants.keys(), REFRESH_TOKEN, AUTHORIZATION_CODE]
}

/** @throws TypeError when a client has a grant type that there is not: it is misspelt, or has no handler */
export function assertGrantTypes({ id, grants: given }: RegisteredClient, grants: Kernel['grants']): void {
  const known = grantTypes(grants)
  const unknown = given.find((grantType) => !known.includes(grantType))
  if (unknown === undefined) return
  throw new TypeError(`clients[].grants of "${id}": there is no "${unknown}": it takes ${known.join(', ')}`)
}

/** The grant type as telemetry may carry it: one of a closed set, so that labels stay few. */
export function closedGrantType({ grants }: Kernel, grantType: string): string {
  return grantType === DIRECT || grantTypes(grants).includes(grantType) ? grantType : '_OTHER'
}
