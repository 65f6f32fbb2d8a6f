import type { Kernel } from '../kernel.ts'

/** What is counted as the grant type when the application issues on its own decision. */
export const DIRECT = 'direct'

/** RFC 6749 section 6: the grant that is no handler, but a verb. */
export const REFRESH_TOKEN = 'refresh_token'

/** The grant type as telemetry may carry it: one this server has, so that labels stay few. */
export function closedGrantType({ grants }: Kernel, grantType: string): string {
  return grantType === DIRECT || grantType === REFRESH_TOKEN || grants.has(grantType) ? grantType : '_OTHER'
}
