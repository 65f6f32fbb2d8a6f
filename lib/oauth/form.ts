import { OAuthError } from './errors.ts'

/** A form: each parameter once, those without a value left out. */
export type Form = ReadonlyMap<string, string>

/** What a body of this type consists of; everything else is percent-encoded (WHATWG URL, section 5). */
const FORM = /^[\x21-\x7E]*$/

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw new OAuthError('invalid_request', 'The request body is not a well-formed form.')
  }
}

/**
 * Parses an application/x-www-form-urlencoded body. A parameter without a value counts as omitted, and none may appear
 * twice (RFC 6749 section 3.2).
 *
 * @throws OAuthError `invalid_request`
 */
export function parseForm(body: string): Form {
  if (!FORM.test(body)) throw new OAuthError('invalid_request', 'The request body is not a well-formed form.')
  const form = new Map<string, string>()
  for (const pair of body.split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = decode(equals === -1 ? pair : pair.slice(0, equals))
    const value = equals === -1 ? '' : decode(pair.slice(equals + 1))
    if (form.has(name)) throw new OAuthError('invalid_request', 'A parameter appears more than once.')
    form.set(name, value)
  }
  for (const [name, value] of form) if (value === '') form.delete(name)
  return form
}
