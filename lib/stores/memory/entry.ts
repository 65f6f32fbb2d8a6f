import type { Spending, StoredToken, TokenType } from '../../oauth/tokens/token.ts'

/** A stored token with its places in the indexes: one object per token, since there may be millions. */
export class Entry implements StoredToken {
  readonly id: string
  readonly type: TokenType
  readonly family: string
  readonly clientId: string
  readonly subject: string | undefined
  readonly scope: readonly string[]
  readonly audience: string
  readonly issuedAt: number
  readonly expiresAt: number
  readonly familyExpiresAt: number
  readonly trace: string | undefined
  spent: Spending | undefined
  revokedAt: number | undefined
  /** Spent, revoked or seen expired: it stays so, whatever the clock says later. */
  ended = false

  nextExpiring: Entry | undefined = undefined
  nextOfFamily: Entry | undefined = undefined
  previousOfFamily: Entry | undefined = undefined
  nextOfClient: Entry | undefined = undefined
  previousOfClient: Entry | undefined = undefined
  nextOfSubject: Entry | undefined = undefined
  previousOfSubject: Entry | undefined = undefined

  constructor(token: StoredToken) {
    this.id = token.id
    this.type = token.type
    this.family = token.family
    this.clientId = token.clientId
    this.subject = token.subject
    this.scope = token.scope
    this.audience = token.audience
    this.issuedAt = token.issuedAt
    this.expiresAt = token.expiresAt
    this.familyExpiresAt = token.familyExpiresAt
    this.trace = token.trace
    this.spent = token.spent
    this.revokedAt = token.revokedAt
  }

  /**
   * A client's own token: it names its family and cannot be refreshed, so its family is found by its id and needs no
   * place in an index.
   */
  get isAlone(): boolean {
    return this.id === this.family && this.subject === undefined
  }

  /** The token as it stands now; later changes do not show in it. */
  toToken(): StoredToken {
    const { id, type, family, clientId, subject, scope, audience } = this
    const { issuedAt, expiresAt, familyExpiresAt, trace, spent, revokedAt } = this
    return {
      id,
      type,
      family,
      clientId,
      subject,
      scope,
      audience,
      issuedAt,
      expiresAt,
      familyExpiresAt,
      trace,
      spent,
      revokedAt
    }
  }
}
