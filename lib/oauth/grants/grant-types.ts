import type { Kernel } from '../kernel.ts'

/** What is counted as the grant type when the application issues on its own decision. */
export const DIRECT = 'direct'

/** RFC 6749 section 6: the grant that is no handler, but a verb. */
export const REFRESH_TOKEN = 'refresh_token'

/** What an application may run by its own code and name when it issues: a grant of RFC 6749 that is not offered here. */
const AUTHORIZATION_CODE = 'authorization_code'

/** The grant type as telemetry may carry it: one of a closed set, so that labels stay few. */
export function closedGrantType({ grants }: Kernel, grantType: string): string {
  const isKnown = [DIRECT, REFRESH_TOKEN, AUTHORIZATION_CODE].includes(grantType) || grants.has(grantType)
  return isKnown ? grantType : '_OTHER'
}
