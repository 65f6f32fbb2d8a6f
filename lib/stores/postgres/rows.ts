import type { Succession } from '../../oauth/tokens/succession.ts'
import type { Spending, StoredToken, TokenType } from '../../oauth/tokens/token.ts'

/** What an unspent and unrevoked token is in the table of tokens. */
interface NewRow {
  readonly id: string
  readonly type: TokenType
  readonly family: string
  readonly client_id: string
  readonly subject: string | null
  readonly scope: readonly string[]
  readonly audience: string
  readonly issued_at: number
  readonly expires_at: number
  readonly family_expires_at: number
  readonly trace: string | null
}

interface SpendingRow {
  readonly spent_at: number
  readonly spent_successor: string
  readonly spent_trace: string | null
  readonly spent_receipt: string | null
}

/** A row of the table of tokens. */
export type Row = NewRow & { readonly revoked_at: number | null } & (SpendingRow | { readonly spent_at: null })

/** A number of tokens, in the words of the tables. */
export interface CountRow {
  readonly client_id: string
  readonly type: TokenType
  readonly count: number
}

export function toRow(token: StoredToken): NewRow {
  return {
    id: token.id,
    type: token.type,
    family: token.family,
    client_id: token.clientId,
    subject: token.subject ?? null,
    scope: token.scope,
    audience: token.audience,
    issued_at: token.issuedAt,
    expires_at: token.expiresAt,
    family_expires_at: token.familyExpiresAt,
    trace: token.trace ?? null
  }
}

/** What the successors of a token do not have from it; what is not there they have. */
export function toSuccessorRows({ access, refresh }: Succession) {
  const { id, expiresAt, terms } = access
  return {
    access: { id, type: 'access', expires_at: expiresAt, scope: terms?.scope, audience: terms?.audience },
    refresh: { id: refresh.id, expires_at: refresh.expiresAt }
  }
}

export function toToken(row: Row): StoredToken {
  return {
    id: row.id,
    type: row.type,
    family: row.family,
    clientId: row.client_id,
    subject: row.subject ?? undefined,
    scope: row.scope,
    audience: row.audience,
    issuedAt: row.issued_at,
    expiresAt: row.expires_at,
    familyExpiresAt: row.family_expires_at,
    trace: row.trace ?? undefined,
    spent: row.spent_at === null ? undefined : toSpending(row),
    revokedAt: row.revoked_at ?? undefined
  }
}

function toSpending(row: SpendingRow): Spending {
  return {
    at: row.spent_at,
    successor: row.spent_successor,
    trace: row.spent_trace ?? undefined,
    receipt: row.spent_receipt ?? undefined
  }
}
