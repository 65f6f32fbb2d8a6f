import { grantAudience, grantScope } from './scope.ts'

/** What a token may do, and where. */
export interface Terms {
  readonly scope: readonly string[]
  /** The one resource server it is for. */
  readonly audience: string
}

/** What a request asks for; what is absent takes its default. */
export interface Asked {
  /** RFC 6749 section 3.3. */
  readonly scope?: string | undefined
  /** RFC 8707 section 2. */
  readonly resource?: string | undefined
}

/** What may be had: the scope, and the resource servers of which the first is the default. */
interface Allowed {
  readonly scope: readonly string[]
  readonly audience: readonly [string, ...string[]]
}

/**
 * What is asked for, within what may be had.
 *
 * @throws OAuthError `invalid_scope` or `invalid_target`
 */
export function grantedTerms({ scope, resource }: Asked, allowed: Allowed): Terms {
  return { scope: grantScope(scope, allowed.scope), audience: grantAudience(resource, allowed.audience) }
}

/** Whether a refresh asks for an access token that may do less than the refresh token (RFC 6749 section 6). */
export function asksForLess({ scope, resource }: Asked): boolean {
  return scope !== undefined || resource !== undefined
}

/** The terms of an access token that is asked for by a refresh; the new refresh token keeps all of its own. */
export function narrowed(asked: Asked, { scope, audience }: Terms): Terms {
  return grantedTerms(asked, { scope, audience: [audience] })
}
