import type { Kernel } from './kernel.ts'
import type { TokenResponse } from './outcomes.ts'
import { scopeParameter } from './scope.ts'
import type { StoredToken } from './token.ts'

/** The wire values of tokens that are stored, or are about to be. */
export interface Issued {
  readonly access: StoredToken
  /** The refresh token itself, which is stored nowhere. */
  readonly refreshToken: string | undefined
  /** More claims for the access token. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined
}

/** Claims of RFC 9068 section 2.2, which nothing may replace. */
function accessTokenClaims(issuer: string, { access, claims: { scope: _, ...claims } = {} }: Issued) {
  return {
    ...claims,
    ...scopeParameter(access.scope),
    iss: issuer,
    aud: access.audience,
    sub: access.subject ?? access.clientId,
    client_id: access.clientId,
    jti: access.id,
    iat: Math.floor(access.issuedAt),
    exp: access.expiresAt
  }
}

/**
 * Signs the access token, and answers with it.
 *
 * @param at when the client is told how long the access token will live
 */
export async function tokenResponse(
  { rules, sign }: Pick<Kernel, 'rules' | 'sign'>,
  issued: Issued,
  at: number
): Promise<TokenResponse> {
  const { access, refreshToken } = issued
  return {
    access_token: await sign(accessTokenClaims(rules.issuer, issued)),
    token_type: 'Bearer',
    expires_in: Math.max(0, access.expiresAt - Math.floor(at)),
    ...scopeParameter(access.scope),
    ...(refreshToken !== undefined && { refresh_token: refreshToken })
  }
}
