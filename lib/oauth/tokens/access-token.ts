/** The claims of a JWT access token (RFC 9068 section 2.2), frozen. */
export interface AccessTokenClaims {
  readonly iss: string
  readonly aud: string | readonly string[]
  readonly exp: number
  readonly iat?: number
  readonly nbf?: number
  readonly sub?: string
  readonly client_id?: string
  readonly scope?: string
  readonly jti?: string
  readonly [claim: string]: unknown
}

/** A Bearer token whose signature, issuer, audience, type and times have been checked. */
export interface AccessToken {
  readonly claims: AccessTokenClaims
  /** `client_id`, else `azp`; absent when a foreign issuer names neither. */
  readonly clientId: string | undefined
  readonly scope: readonly string[]
  /** Issued by this server, so that its store knows whether it has been revoked. */
  readonly own: boolean
  /** Present when the store was down and could not tell whether it has been revoked: `revocationCheck: 'open'`. */
  readonly revocationUnchecked?: true
}

/** Checks a token's signature and claims. */
export interface AccessTokenVerifier {
  /**
   * @throws OAuthError `invalid_token` with the reason in its facts, and `facts.clientId` once the signature has been
   * verified; `temporarily_unavailable` when the keys cannot be had
   */
  verify(token: string): Promise<AccessToken>
  /**
   * The token, at once, when it has been verified before and its key is still trusted; `undefined` when it must be
   * verified.
   *
   * @throws OAuthError `invalid_token` when it is not valid any more
   */
  recall(token: string): AccessToken | undefined
  /**
   * The token if it is a valid one of this server; `undefined` for anything else. For revocation and introspection,
   * where an unknown or expired token is no error.
   */
  recognise(token: string): Promise<AccessToken | undefined>
}

/** Signs the claims of an access token into a JWT (RFC 9068). */
export type AccessTokenSigner = (claims: Readonly<Record<string, unknown>>) => Promise<string>
