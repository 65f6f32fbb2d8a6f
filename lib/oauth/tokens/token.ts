/** RFC 7009 section 2.1: the two types a token_type_hint knows. */
export type TokenType = 'access' | 'refresh'

/** How a refresh token was rotated away. */
export interface Spending {
  readonly at: number
  /** The id of the refresh token that replaced it. */
  readonly successor: string
  /** Trace context of the operation that spent it. */
  readonly trace: string | undefined
  /** What it takes to answer again (`receipts.ts`), sealed with the spent token itself; only with a grace window. */
  readonly receipt: string | undefined
}

/**
 * What is kept about a token: never the token. All times are NumericDate (RFC 7519 section 2): seconds since the
 * epoch, fractions allowed.
 */
export interface StoredToken {
  /** Access token: its `jti`. Refresh token: the head of its value, and a digest of all of it (`token-id.ts`). */
  readonly id: string
  readonly type: TokenType
  /** All tokens descending from one authorization by refresh share their family. */
  readonly family: string
  readonly clientId: string
  /** The resource owner; absent when a client acts for itself. */
  readonly subject: string | undefined
  readonly scope: readonly string[]
  /** The one resource server it is for. */
  readonly audience: string
  readonly issuedAt: number
  /** Always a whole second. */
  readonly expiresAt: number
  /** The end of its family, which no rotation extends. */
  readonly familyExpiresAt: number
  /** Trace context (W3C traceparent) of the operation that issued it. */
  readonly trace: string | undefined
  /** Present once a refresh token has been rotated away. */
  readonly spent: Spending | undefined
  /** Present once it has been revoked. */
  readonly revokedAt: number | undefined
}

/** A number of tokens of one client and type. */
export interface TokenCount {
  readonly clientId: string
  readonly type: TokenType
  readonly count: number
}

/** Usable at a time: not expired, not spent, not revoked. RFC 7519 section 4.1.4: "on or after" `exp` is too late. */
export function isLive(token: StoredToken, at: number): boolean {
  return at < token.expiresAt && token.spent === undefined && token.revokedAt === undefined
}
