import { OAuthError } from '../errors.ts'
import { type Form, parseForm } from './form.ts'

/** What an endpoint needs to know of an HTTP request. */
export interface EndpointRequest {
  /** Every Authorization header value, as received. */
  readonly authorization: readonly string[]
  /** The application/x-www-form-urlencoded body as received; `undefined` when there is none, or one of another type. */
  readonly body: string | undefined
  /** Where it came from: failed attempts are counted per client and source. */
  readonly source: string
  /** Presence says that it has been refused before it could be read. */
  readonly refused?: OAuthError
}

/** The same with its parameters read. */
export interface FormRequest extends Omit<EndpointRequest, 'body' | 'refused'> {
  readonly form: Form
}

/** The form parameter. @throws OAuthError `invalid_request` when it is absent */
export function required(form: Form, name: string): string {
  const value = form.get(name)
  if (value === undefined) throw new OAuthError('invalid_request', `The ${name} parameter is missing.`)
  return value
}

/** @throws OAuthError `invalid_request` when the body is not a form, or not well-formed; or what it was refused with */
export function readForm({ authorization, body, source, refused }: EndpointRequest): FormRequest {
  if (refused !== undefined) throw refused
  if (body === undefined) {
    throw new OAuthError('invalid_request', 'The request body must be application/x-www-form-urlencoded.')
  }
  return { authorization, form: parseForm(body), source }
}
