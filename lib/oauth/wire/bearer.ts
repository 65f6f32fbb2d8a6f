import { OAuthError } from '../errors.ts'

/** b64token (RFC 6750 section 2.1). */
const B64TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/

const missing = () =>
  new OAuthError('invalid_token', 'No Bearer token was presented.', { facts: { reason: 'missing' } })

const malformed = () =>
  new OAuthError('invalid_request', 'The Authorization header is malformed.', { facts: { reason: 'malformed' } })

/** The scheme and what separates it from the token. */
const SCHEME = /^bearer +/i
/** The scheme, separated by something else or by nothing. */
const SCHEME_ALONE = /^bearer(?![A-Za-z0-9!#$%&'*+.^_`|~-])/i

/**
 * The token of an Authorization header: `Bearer 1*SP b64token`, the scheme in any case (RFC 6750 section 2.1,
 * RFC 9110 section 11.1). The alphabet of the token is left to `assertB64Token`, off the hot path.
 *
 * @throws OAuthError reason `missing` when there is no Bearer token, `invalid_request` when the header is malformed
 */
export function readBearer(authorization: readonly string[]): string {
  if (authorization.length > 1) throw malformed()
  const [header] = authorization
  if (header === undefined) throw missing()
  const scheme = SCHEME.exec(header)
  if (scheme === null) throw SCHEME_ALONE.test(header) ? malformed() : missing()
  return header.slice(scheme[0].length)
}

/** @throws OAuthError `invalid_request` when the token has characters that no Bearer token may have */
export function assertB64Token(token: string): void {
  if (!B64TOKEN.test(token)) throw malformed()
}
