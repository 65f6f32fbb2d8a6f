import { token } from './endpoints/token.ts'
import type { Kernel } from './kernel.ts'
import type { MintedTokens, Refreshed, Revocation, TokenGrant, TokenResponse } from './outcomes.ts'
import type { AccessToken } from './tokens/access-token.ts'
import type { TokenCount } from './tokens/token.ts'
import { type Introspection, type IntrospectRequest, introspect } from './verbs/introspect.ts'
import { type Authorization, issue, issueSuccessors } from './verbs/issue.ts'
import { type RefreshRequest, refresh } from './verbs/refresh.ts'
import { type RevokeRequest, revoke } from './verbs/revoke.ts'
import { type ReuseRevocation, revokeAll } from './verbs/revoke-all.ts'
import { type ResourceServerParts, type ValidateRequest, validate, validateNow } from './verbs/validate.ts'
import type { EndpointRequest } from './wire/request.ts'

/** The issuer role: the verbs of a token's life. Each resolves to what happened, or rejects with why it did not. */
export interface TokenServer {
  /** Answers the token endpoint; it ends in `issue` or `refresh`, or in a refusal. */
  token(request: EndpointRequest): Promise<TokenResponse>
  issue(authorization: Authorization): Promise<TokenGrant>
  /** What a refresh ends in: to issue the tokens that the rotation has made. */
  issueSuccessors(minted: MintedTokens): Promise<TokenGrant>
  refresh(request: RefreshRequest): Promise<Refreshed>
  revoke(request: RevokeRequest): Promise<Revocation>
  revokeAll(request: ReuseRevocation): Promise<Revocation>
  introspect(request: IntrospectRequest): Promise<Introspection>
  /** Forgets the tokens that have expired, and resolves to how many of each client and type did so unrevoked. */
  prune(): Promise<readonly TokenCount[]>
}

/** The resource-server role. */
export interface ResourceServer {
  validate(request: ValidateRequest): Promise<AccessToken>
  /** The same decision, where it can be made at once. */
  validateNow(request: ValidateRequest): AccessToken | undefined
}

/**
 * Builds the issuer role. `wrap` gives the server its outside, telemetry for example; verbs that use other verbs
 * (refresh issues, a reuse revokes) use them through it, so that nothing happens unseen.
 */
export function createTokenServer(kernel: Kernel, wrap: (bare: TokenServer) => TokenServer): TokenServer {
  const server: TokenServer = wrap({
    token: (request) => token(kernel, server, request),
    issue: (authorization) => issue(kernel, authorization),
    issueSuccessors: (minted) => issueSuccessors(kernel, minted),
    refresh: (request) => refresh(kernel, server, request),
    revoke: (request) => revoke(kernel, request),
    revokeAll: (request) => revokeAll(kernel, request),
    introspect: (request) => introspect(kernel, request),
    prune: () => kernel.store.prune(kernel.now())
  })
  return server
}

export function createResourceServer(parts: ResourceServerParts): ResourceServer {
  return {
    validate: (request) => validate(parts, request),
    validateNow: (request) => validateNow(parts, request)
  }
}
