import { grantAudience, grantScope } from './scope.ts'
import type { StoredToken } from './token.ts'

/** What a token may do, and where. */
export interface Terms {
  readonly scope: readonly string[]
  /** The one resource server it is for. */
  readonly audience: string
}

/** How a refresh may ask for less than the refresh token has (RFC 6749 section 6). */
export interface Narrowing {
  /** Narrows the access token; the new refresh token keeps the full scope. */
  readonly scope?: string | undefined
  /** Narrows the access token's audience (RFC 8707 section 2.2). */
  readonly resource?: string | undefined
}

/** Whether the terms depend on what the refresh token has. */
export function narrows({ scope, resource }: Narrowing): boolean {
  return scope !== undefined || resource !== undefined
}

/** What the new access token may do: what is asked for, within what the refresh token has. */
export function narrowed({ scope, resource }: Narrowing, token: StoredToken): Terms {
  return { scope: grantScope(scope, token.scope), audience: grantAudience(resource, [token.audience]) }
}
