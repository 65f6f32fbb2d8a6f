import type { GrantHandler } from './grant.ts'

/**
 * RFC 6749 section 4.4: the client acts for itself, and never gets a refresh token (section 4.4.3). Only confidential
 * clients are registered with this grant (clients.ts).
 */
export const clientCredentials: GrantHandler = async () => ({})
