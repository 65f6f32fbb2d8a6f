import { OAuthError } from '../errors.ts'
import type { Kernel } from '../kernel.ts'
import type { MintedTokens, TokenGrant } from '../outcomes.ts'
import { assertStorable } from '../store/storable.ts'
import type { Terms } from '../tokens/terms.ts'
import type { StoredToken } from '../tokens/token.ts'
import { newRefreshToken, newTokenId, refreshTokenId } from '../tokens/token-id.ts'
import { tokenResponse } from '../tokens/token-response.ts'

/** A decision to issue: who gets what, before there are tokens. */
export interface Authorization extends Terms {
  readonly clientId: string
  /** The resource owner; `undefined` when the client acts for itself. */
  readonly subject: string | undefined
  /** A closed set: see `closedGrantType`. */
  readonly grantType: string
  /** Present when a refresh token is wanted: what it may do (RFC 6749 section 6: the full original scope). */
  readonly refresh: Terms | undefined
  readonly claims?: Readonly<Record<string, unknown>> | undefined
  /** Trace context of the operation, kept beside the tokens and never inside them. */
  readonly trace?: string | undefined
}

/** Mints an access token, with a refresh token if the authorization has one, and writes both in one step at the end. */
export async function issue(kernel: Kernel, authorization: Authorization): Promise<TokenGrant> {
  const minted = await mintFirst(kernel, authorization)
  const grant = await answer(kernel, minted, authorization.claims)
  await writeFirst(kernel, minted)
  return grant
}

/** Issues what a rotation has made and written. */
export function issueSuccessors(kernel: Kernel, minted: MintedTokens): Promise<TokenGrant> {
  return answer(kernel, minted)
}

async function answer(kernel: Kernel, minted: MintedTokens, claims?: Authorization['claims']): Promise<TokenGrant> {
  const { access, refresh } = minted
  return { response: await tokenResponse(kernel, minted, { at: access.issuedAt, claims }), access, refresh }
}

/** The first tokens of a family. */
async function mintFirst(kernel: Kernel, authorization: Authorization): Promise<MintedTokens> {
  const { rules } = kernel
  const now = kernel.now()
  const { clientId, subject, trace, scope, audience } = authorization
  if (subject !== undefined) await assertSubject(kernel, subject)
  const id = newTokenId(now)
  const second = Math.floor(now)
  const access: StoredToken = {
    id,
    type: 'access',
    family: id,
    clientId,
    subject,
    scope,
    audience,
    issuedAt: now,
    expiresAt: second + rules.accessTokenTtl,
    familyExpiresAt: second + rules.refreshTokenAbsoluteTtl,
    trace,
    spent: undefined,
    revokedAt: undefined
  }
  if (authorization.refresh === undefined) return { access, refresh: undefined, refreshToken: undefined }
  const refreshToken = newRefreshToken(now, id)
  const refresh: StoredToken = {
    ...access,
    id: refreshTokenId(refreshToken),
    type: 'refresh',
    scope: authorization.refresh.scope,
    audience: authorization.refresh.audience,
    expiresAt: Math.min(second + rules.refreshTokenIdleTtl, access.familyExpiresAt)
  }
  return { access, refresh, refreshToken }
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

async function writeFirst(kernel: Kernel, { access, refresh }: MintedTokens): Promise<void> {
  const inserted = await kernel.store.insert(refresh === undefined ? [access] : [access, refresh])
  if (!inserted) throw new OAuthError('invalid_grant', 'The authorization was revoked while it was being granted.')
}
