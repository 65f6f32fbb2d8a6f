import type { StoredToken, TokenType } from '../../oauth/token.ts'

/** A token with its ending, as it is read. */
export interface TokenRow {
  readonly row: number
  readonly id: string
  readonly refresh: 0 | 1
  readonly ended: 0 | 1
  readonly client: number
  readonly clientId: string
  readonly family: string | null
  readonly subject: string | null
  readonly scope: string
  readonly audience: string
  readonly issuedAt: number
  readonly expiresAt: number
  readonly familyExpiresAt: number
  readonly trace: string | null
  readonly endedAt: number | null
  readonly successor: string | null
  readonly endingTrace: string | null
  readonly receipt: string | null
}

/** Finds a token by its key and its id. */
export const FIND = `
  SELECT
    token.row, token.id, token.refresh, token.ended, token.client, client.name AS clientId, token.family, token.subject,
    token.scope, token.audience, token.issued_at AS issuedAt, token.expires_at AS expiresAt,
    token.family_expires_at AS familyExpiresAt, token.trace, ending.at AS endedAt, ending.successor,
    ending.trace AS endingTrace, ending.receipt
  FROM token INDEXED BY token_by_id
  JOIN client ON client.id = token.client
  LEFT JOIN ending ON token.ended = 1 AND ending.token = token.row
  WHERE token.id_key = ? AND token.id = ?`

export const typeOf = (refresh: 0 | 1): TokenType => (refresh === 1 ? 'refresh' : 'access')

export function toToken(row: TokenRow): StoredToken {
  const isSpent = row.endedAt !== null && row.successor !== null
  return {
    id: row.id,
    type: typeOf(row.refresh),
    family: row.family ?? row.id,
    clientId: row.clientId,
    subject: row.subject ?? undefined,
    scope: row.scope === '' ? [] : row.scope.split(' '),
    audience: row.audience,
    issuedAt: row.issuedAt,
    expiresAt: row.expiresAt,
    familyExpiresAt: row.familyExpiresAt,
    trace: row.trace ?? undefined,
    spent: spentOf(row),
    revokedAt: row.endedAt === null || isSpent ? undefined : row.endedAt
  }
}

function spentOf({ endedAt, successor, endingTrace, receipt }: TokenRow): StoredToken['spent'] {
  if (endedAt === null || successor === null) return undefined
  return { at: endedAt, successor, trace: endingTrace ?? undefined, receipt: receipt ?? undefined }
}
