import type { Kernel } from '../kernel.ts'
import type { MintedTokens, TokenResponse } from '../outcomes.ts'
import { scopeParameter } from './scope.ts'
import type { StoredToken } from './token.ts'

type Claims = Readonly<Record<string, unknown>>

/** Claims of RFC 9068 section 2.2, which nothing may replace. */
function accessTokenClaims(issuer: string, access: StoredToken, { scope: _, ...more }: Claims): Claims {
  return {
    ...more,
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

/** How tokens are told to their client. */
interface Telling {
  /** NumericDate: from when on `expires_in` counts. */
  readonly at: number
  /** More claims for the access token. */
  readonly claims?: Claims | undefined
}

/** Signs the access token, and answers with it (RFC 6749 section 5.1). */
export async function tokenResponse(
  { rules, sign }: Pick<Kernel, 'rules' | 'sign'>,
  { access, refreshToken }: Pick<MintedTokens, 'access' | 'refreshToken'>,
  { at, claims = {} }: Telling
): Promise<TokenResponse> {
  return {
    access_token: await sign(accessTokenClaims(rules.issuer, access, claims)),
    token_type: 'Bearer',
    expires_in: Math.max(0, access.expiresAt - Math.floor(at)),
    ...scopeParameter(access.scope),
    ...(refreshToken !== undefined && { refresh_token: refreshToken })
  }
}
