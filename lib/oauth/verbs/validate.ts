import { asOAuthError, OAuthError } from '../errors.ts'
import type { TokenStore } from '../store/store.ts'
import type { AccessToken, AccessTokenVerifier } from '../tokens/access-token.ts'
import type { StoredToken } from '../tokens/token.ts'
import { assertB64Token, readBearer } from '../wire/bearer.ts'

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
  /** The audiences that this application is: tokens of ours for others are none for it. */
  readonly resource: readonly string[]
}

function assertUnrevoked({ clientId }: AccessToken, stored: StoredToken | undefined): void {
  if (stored === undefined || stored.revokedAt !== undefined) {
    throw new OAuthError('invalid_token', 'The access token is not valid.', { facts: { reason: 'revoked', clientId } })
  }
}

/** RFC 9068 section 4: a token for another resource server could be one that was presented there. */
function assertForUs({ own, claims: { aud }, clientId }: AccessToken, resource: readonly string[]): void {
  if (own && !resource.includes(String(aud))) {
    throw new OAuthError('invalid_token', 'The access token is not valid.', {
      facts: { reason: 'wrong_audience', clientId }
    })
  }
}

function assertScope({ scope, clientId }: AccessToken, needed: readonly string[]): void {
  for (const token of needed) {
    if (!scope.includes(token)) {
      throw new OAuthError('insufficient_scope', 'The access token does not have the required scope.', {
        facts: { reason: 'insufficient_scope', clientId }
      })
    }
  }
}

/** Each token of ours has a jti (RFC 9068 section 2.2): without one it is found no more than a forgotten one. */
const idOf = ({ claims }: AccessToken): string => String(claims.jti)

/** The token, once the store knows it and says that it has not been revoked. */
async function unrevoked(store: TokenStore, token: AccessToken, policy: RevocationCheck): Promise<AccessToken> {
  let stored: StoredToken | undefined
  try {
    stored = await store.find(idOf(token))
  } catch (error) {
    // That the store is busy may be the work of whoever wants to pass.
    if (policy === 'closed' || asOAuthError(error).facts.isBusy) throw error
    return Object.freeze({ ...token, revocationUnchecked: true })
  }
  assertUnrevoked(token, stored)
  return token
}

async function verified(verifier: AccessTokenVerifier, presented: string): Promise<AccessToken> {
  try {
    return await verifier.verify(presented)
  } catch (error) {
    // What cannot even be a Bearer token is a malformed request, not an invalid token (RFC 6750 section 3.1).
    if (asOAuthError(error).facts.reason === 'malformed') assertB64Token(presented)
    throw error
  }
}

/**
 * Decides whether a request may pass (RFC 6750, RFC 9068 section 4). A token of ours must also be in the store and
 * unrevoked; revocation is looked up on every request, also when the signature has been checked before.
 *
 * @throws OAuthError with the reason in its facts
 */
export async function validate(
  { verifier, store, revocationCheck, resource }: ResourceServerParts,
  request: ValidateRequest
): Promise<AccessToken> {
  const presented = readBearer(request.authorization)
  let token = await verified(verifier, presented)
  assertForUs(token, resource)
  if (store !== undefined && token.own) token = await unrevoked(store, token, revocationCheck)
  assertScope(token, request.scope)
  return token
}

/**
 * The same decision at once, where nothing has to be asked for it: the token has been verified before, and the store
 * can be peeked into. `undefined` where it takes `validate`.
 *
 * @throws OAuthError with the reason in its facts
 */
export function validateNow(
  { verifier, store, resource }: ResourceServerParts,
  request: ValidateRequest
): AccessToken | undefined {
  if (store !== undefined && store.peek === undefined) return undefined
  const token = verifier.recall(readBearer(request.authorization))
  if (token === undefined) return undefined
  assertForUs(token, resource)
  if (store?.peek !== undefined && token.own) assertUnrevoked(token, store.peek(idOf(token)))
  assertScope(token, request.scope)
  return token
}
