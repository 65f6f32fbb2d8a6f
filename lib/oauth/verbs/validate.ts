import type { AccessToken, AccessTokenVerifier } from '../access-token.ts'
import { assertB64Token, readBearer } from '../bearer.ts'
import { asOAuthError, OAuthError } from '../errors.ts'
import type { TokenStore } from '../store.ts'
import type { StoredToken } from '../token.ts'

/** A request to a protected resource. */
export interface ValidateRequest {
  /** Every Authorization header value, as received. */
  readonly authorization: readonly string[]
  /** The scope tokens that the resource needs, all of them. */
  readonly scope: readonly string[]
}

/** What becomes of a token of ours while the store is down: `closed` refuses, `open` lets it pass. */
export type RevocationCheck = 'closed' | 'open'

/** What validating stands on. */
export interface ResourceServerParts {
  readonly verifier: AccessTokenVerifier
  /** Present in the issuer role: where revocations of our own tokens are. */
  readonly store: TokenStore | undefined
  readonly revocationCheck: RevocationCheck
}

/** The token, once the store knows it and says that it has not been revoked. */
async function unrevoked(store: TokenStore, token: AccessToken, policy: RevocationCheck): Promise<AccessToken> {
  let stored: StoredToken | undefined
  try {
    // Each token of ours has a jti (RFC 9068 section 2.2): without one it is found no more than a forgotten one.
    stored = await store.find(String(token.claims.jti))
  } catch (error) {
    if (policy === 'closed') throw error
    return Object.freeze({ ...token, revocationUnchecked: true })
  }
  if (stored === undefined || stored.revokedAt !== undefined) {
    throw new OAuthError('invalid_token', 'The access token is not valid.', {
      facts: { reason: 'revoked', clientId: token.clientId }
    })
  }
  return token
}

/**
 * Decides whether a request may pass (RFC 6750, RFC 9068 section 4). A token of ours must also be in the store and
 * unrevoked; revocation is looked up on every request, also when the signature has been checked before.
 *
 * @throws OAuthError with the reason in its facts
 */
export async function validate(
  { verifier, store, revocationCheck }: ResourceServerParts,
  request: ValidateRequest
): Promise<AccessToken> {
  const presented = readBearer(request.authorization)
  let token: AccessToken
  try {
    const verified = verifier.verify(presented)
    token = verified instanceof Promise ? await verified : verified
  } catch (error) {
    // What cannot even be a Bearer token is a malformed request, not an invalid token (RFC 6750 section 3.1).
    if (asOAuthError(error).facts.reason === 'malformed') assertB64Token(presented)
    throw error
  }
  if (store !== undefined && token.own) token = await unrevoked(store, token, revocationCheck)
  for (const needed of request.scope) {
    if (!token.scope.includes(needed)) {
      throw new OAuthError('insufficient_scope', 'The access token does not have the required scope.', {
        facts: { reason: 'insufficient_scope', clientId: token.clientId }
      })
    }
  }
  return token
}
