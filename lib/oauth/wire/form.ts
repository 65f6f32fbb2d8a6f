import { OAuthError } from '../errors.ts'

/** A form: each parameter once, those without a value left out. */
export type Form = ReadonlyMap<string, string>

/** What a body of this type consists of; everything else is percent-encoded (WHATWG URL, section 5). */
const FORM = /^[\x21-\x7E]*$/

/** Decodes a name or value of a form. @throws the refusal when it is not well-formed */
export function formDecode(text: string, refusal: () => OAuthError): string {
  // Most have nothing to decode.
  if (!/[%+]/.test(text)) return text
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw refusal()
  }
}

const notWellFormed = () => new OAuthError('invalid_request', 'The request body is not a well-formed form.')

/** RFC 8707 section 2 lets `resource` be repeated; a token of ours is for one, so several cannot be granted. */
const repeated = (name: string) =>
  name === 'resource'
    ? new OAuthError('invalid_target', 'Only one resource may be requested.')
    : new OAuthError('invalid_request', 'A parameter appears more than once.')

/**
 * Parses an application/x-www-form-urlencoded body. A parameter without a value counts as omitted, and none may appear
 * twice (RFC 6749 section 3.2).
 *
 * @throws OAuthError `invalid_request`, and `invalid_target` for several resources
 */
export function parseForm(body: string): Form {
  if (!FORM.test(body)) throw notWellFormed()
  const form = new Map<string, string>()
  for (const pair of body.split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = formDecode(equals === -1 ? pair : pair.slice(0, equals), notWellFormed)
    const value = equals === -1 ? '' : formDecode(pair.slice(equals + 1), notWellFormed)
    if (form.has(name)) throw repeated(name)
    form.set(name, value)
  }
  for (const [name, value] of form) if (value === '') form.delete(name)
  return form
}
