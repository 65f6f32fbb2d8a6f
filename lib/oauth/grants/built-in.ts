import { clientCredentials } from './client-credentials.ts'
import type { GrantHandler } from './grant.ts'
import { CLIENT_CREDENTIALS } from './grant-types.ts'

/** The grants that each issuer has, beside `refresh_token`, which is no handler. */
export const BUILT_IN_GRANTS: ReadonlyMap<string, GrantHandler> = new Map([[CLIENT_CREDENTIALS, clientCredentials]])
