/** What is counted as the grant type when the application issues on its own decision. */
export const DIRECT = 'direct'

/** RFC 6749 section 4.4. */
export const CLIENT_CREDENTIALS = 'client_credentials'

/** RFC 6749 section 6: the grant that is no handler, but a verb. */
export const REFRESH_TOKEN = 'refresh_token'

/** What an application may run by its own code and name when it issues: a grant of RFC 6749 that is not offered here. */
const AUTHORIZATION_CODE = 'authorization_code'

type Grants = ReadonlyMap<string, unknown>

/** The grant types that a client may have: a closed set. */
export function grantTypes(grants: Grants): readonly string[] {
  return [...grants.keys(), REFRESH_TOKEN, AUTHORIZATION_CODE]
}

/** The grant type as telemetry may carry it: one of a closed set, so that labels stay few. */
export function closedGrantType({ grants }: { readonly grants: Grants }, grantType: string): string {
  return grantType === DIRECT || grantTypes(grants).includes(grantType) ? grantType : '_OTHER'
}
