import { OAuthError } from '../errors.ts'

/** scope-token = 1*( %x21 / %x23-5B / %x5D-7E ), separated by single spaces (RFC 6749 section 3.3). */
const SCOPE = /^[\x21\x23-\x5B\x5D-\x7E]+( [\x21\x23-\x5B\x5D-\x7E]+)*$/

/** Whether a string is a well-formed scope value. */
export function isScope(value: string): boolean {
  return SCOPE.test(value)
}

/** Whether a string is one well-formed scope token. */
export function isScopeToken(value: string): boolean {
  return isScope(value) && !value.includes(' ')
}

/** @throws TypeError naming the token that is malformed, and where it was given */
export function assertScopeTokens(where: string, scope: readonly string[]): void {
  for (const token of scope) {
    if (typeof token !== 'string' || !isScopeToken(token)) {
      throw new TypeError(`${where}: "${token}" is not a scope token (RFC 6749 section 3.3)`)
    }
  }
}

/** The scope as a parameter or claim: a string, or nothing where there is none, since it cannot be empty. */
export function scopeParameter(scope: readonly string[]): { scope?: string } {
  return scope.length === 0 ? {} : { scope: scope.join(' ') }
}

/**
 * The scope to grant: all of `allowed` when none is requested, else the requested tokens, each once. Their order, which
 * says nothing, is always that of `allowed`.
 *
 * @throws OAuthError `invalid_scope` when it is malformed, unknown or exceeds what is allowed (RFC 6749 section 5.2)
 */
export function grantScope(requested: string | undefined, allowed: readonly string[]): readonly string[] {
  if (requested === undefined) return allowed
  if (!isScope(requested)) throw new OAuthError('invalid_scope', 'The requested scope is malformed.')
  const asked = new Set(requested.split(' '))
  if (![...asked].every((token) => allowed.includes(token))) {
    throw new OAuthError('invalid_scope', 'The requested scope exceeds what may be granted.')
  }
  const scope = allowed.filter((token) => asked.has(token))
  // All of it is that very list: a million tokens share it.
  return scope.length === allowed.length ? allowed : scope
}

/**
 * The audience to grant: the resource asked for (RFC 8707 section 2), or the first of the allowed when none is. It is
 * one: a token for several resource servers could be replayed by each at the others.
 *
 * @throws OAuthError `invalid_target` when a resource is not among the allowed
 */
export function grantAudience(resource: string | undefined, allowed: readonly [string, ...string[]]): string {
  if (resource === undefined) return allowed[0]
  if (!allowed.includes(resource)) throw new OAuthError('invalid_target', 'The requested resource is not known here.')
  return resource
}
