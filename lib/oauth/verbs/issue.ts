import { OAuthError } from '../errors.ts'
import type { Kernel } from '../kernel.ts'
import type { TokenGrant, TokenResponse } from '../outcomes.ts'
import { scopeParameter } from '../scope.ts'
import { assertStorable } from '../storable.ts'
import type { Terms } from '../terms.ts'
import type { StoredToken } from '../token.ts'
import { newRefreshToken, newTokenId, refreshTokenId } from '../token-id.ts'

/** A decision to issue: who gets what, before there are tokens. */
export interface Authorization extends Terms {
  readonly clientId: string
  /** The resource owner; `undefined` when the client acts for itself. */
  readonly subject: string | undefined
  /** A closed set: see `closedGrantType`. */
  readonly grantType: string
  /** Present when a refresh token is wanted. */
  readonly refresh: RefreshTerms | undefined
  readonly claims?: Readonly<Record<string, unknown>> | undefined
  /** Trace context of the operation, kept beside the tokens and never inside them. */
  readonly trace?: string | undefined
}

/** What a refresh token may do (RFC 6749 section 6: the new one keeps the full original scope). */
export interface RefreshTerms extends Terms {
  /** Present when a family goes on. */
  readonly family?: FamilyTerms
}

/** How a family goes on. */
export interface FamilyTerms {
  readonly id: string
  /** The end that rotation does not move. */
  readonly expiresAt: number
  /** Writes a grant that is complete but for this; it rejects to refuse it. */
  readonly rotate: (grant: RefreshableGrant) => Promise<void>
}

/** A grant with a refresh token. */
export type RefreshableGrant = TokenGrant & { readonly refresh: StoredToken }

/** Claims of RFC 9068 section 2.2, which nothing may replace. */
function accessTokenClaims(kernel: Kernel, authorization: Authorization, token: StoredToken): Record<string, unknown> {
  const { scope: _, ...claims } = authorization.claims ?? {}
  return {
    ...claims,
    ...scopeParameter(token.scope),
    iss: kernel.rules.issuer,
    aud: token.audience,
    sub: token.subject ?? token.clientId,
    client_id: token.clientId,
    jti: token.id,
    iat: Math.floor(token.issuedAt),
    exp: token.expiresAt
  }
}

/** Writes the first tokens of a family. */
async function writeFirst(kernel: Kernel, tokens: readonly StoredToken[]): Promise<void> {
  const inserted = await kernel.store.insert(tokens)
  if (!inserted) throw new OAuthError('invalid_grant', 'The authorization was revoked while it was being granted.')
}

/**
 * RFC 9068 section 5: a resource owner must not be mistaken for a client that acts for itself.
 *
 * @throws TypeError unless the subject is a non-empty string of well-formed Unicode: stores keep UTF-8, in which all
 * lone surrogates are the same, and so would be the subjects that have them
 */
async function assertSubject(kernel: Kernel, subject: string): Promise<void> {
  if (typeof subject !== 'string' || subject === '') throw new TypeError('the subject must be a non-empty string')
  assertStorable('subject', subject)
  if ((await kernel.clients.find(subject)) !== undefined) {
    throw new OAuthError('invalid_request', 'The subject is the identifier of a client.')
  }
}

/** Mints an access token, with a refresh token if the authorization has one, and writes both in one step at the end. */
export async function issue(kernel: Kernel, authorization: Authorization): Promise<TokenGrant> {
  const { rules } = kernel
  const now = kernel.now()
  const { clientId, subject, trace, refresh: terms } = authorization
  if (subject !== undefined && terms?.family === undefined) await assertSubject(kernel, subject)
  const id = newTokenId(now, terms?.family?.id)
  const issuedAtSecond = Math.floor(now)
  const common = {
    family: terms?.family?.id ?? id,
    familyExpiresAt: terms?.family?.expiresAt ?? issuedAtSecond + rules.refreshTokenAbsoluteTtl,
    clientId,
    subject,
    issuedAt: now,
    trace,
    spent: undefined,
    revokedAt: undefined
  }

  const access: StoredToken = {
    ...common,
    id,
    type: 'access',
    scope: authorization.scope,
    audience: authorization.audience,
    expiresAt: issuedAtSecond + rules.accessTokenTtl
  }
  const response: TokenResponse = {
    access_token: await kernel.sign(accessTokenClaims(kernel, authorization, access)),
    token_type: 'Bearer',
    expires_in: rules.accessTokenTtl,
    ...scopeParameter(access.scope)
  }

  if (terms === undefined) {
    await writeFirst(kernel, [access])
    return { response, access, refresh: undefined }
  }
  const secret = newRefreshToken(now, common.family)
  const refresh: StoredToken = {
    ...common,
    id: refreshTokenId(secret),
    type: 'refresh',
    scope: terms.scope,
    audience: terms.audience,
    expiresAt: Math.min(issuedAtSecond + rules.refreshTokenIdleTtl, common.familyExpiresAt)
  }
  const grant = { response: { ...response, refresh_token: secret }, access, refresh }
  await (terms.family === undefined ? writeFirst(kernel, [access, refresh]) : terms.family.rotate(grant))
  return grant
}
