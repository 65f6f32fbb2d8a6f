import type { RegisteredClient } from '../clients/clients.ts'
import type { Form } from '../wire/form.ts'

/** What a grant handler is told: a client that may use the grant, and the request's parameters. */
export interface GrantRequest {
  readonly client: RegisteredClient
  readonly form: Form
}

/** What a grant handler decides. An absent part takes its default. */
export interface GrantDecision {
  /** The resource owner. Absence means that the client acts for itself. */
  readonly subject?: string
  /** The scope that may be granted. Default: the client's. The request's `scope` parameter can only narrow it. */
  readonly scope?: readonly string[]
  /**
   * Presence of `true` adds a refresh token: it needs a subject, and a client with the `refresh_token` grant. Default:
   * `false`.
   */
  readonly refreshable?: boolean
  /**
   * More claims for this access token; a refresh does not repeat them. The registered ones (RFC 9068 section 2.2)
   * cannot be replaced.
   */
  readonly claims?: Readonly<Record<string, unknown>>
}

/**
 * Decides a token request of one grant type (RFC 6749 section 4.5). Refuse by throwing `OAuthError`, for example
 * `new OAuthError('invalid_grant', 'The assertion is not valid.')`.
 */
export type GrantHandler = (request: GrantRequest) => Promise<GrantDecision>
