import type { OAuthError } from '../errors.ts'

/** A quoted-string without anything that would need escaping (RFC 6750 section 3). */
const QUOTABLE = /^[\x20\x21\x23-\x5B\x5D-\x7E]*$/

/** Whether a value may stand in a challenge. */
export function isQuotable(value: string): boolean {
  return QUOTABLE.test(value)
}

/**
 * The value of WWW-Authenticate for a refused Bearer token (RFC 6750 section 3). A request without credentials is told
 * the scheme and nothing else (section 3.1).
 *
 * @param scope the scope the resource needs
 */
export function bearerChallenge(
  realm: string,
  { code, description, facts }: OAuthError,
  scope: readonly string[]
): string {
  if (facts.reason === 'missing') return `Bearer realm="${realm}"`
  const challenge = `Bearer realm="${realm}", error="${code}", error_description="${description}"`
  return code === 'insufficient_scope' ? `${challenge}, scope="${scope.join(' ')}"` : challenge
}
