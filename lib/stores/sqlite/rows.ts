import type { Spending, StoredToken, TokenType } from '../../oauth/tokens/token.ts'

/** A token as it is read: an array, which costs half of what an object does. */
export type TokenRow = readonly [
  row: number,
  client: number,
  refresh: 0 | 1,
  ended: 0 | 1,
  family: string | null,
  subject: string | null,
  scope: string,
  audience: string,
  issuedAt: number,
  expiresAt: number,
  familyExpiresAt: number,
  trace: string | null
]

/** Finds a token by its key and its id. */
export const FIND_TOKEN = `
  SELECT row, client, refresh, ended, family, subject, scope, audience, issued_at, expires_at, family_expires_at, trace
  FROM token INDEXED BY token_by_id WHERE id_key = ? AND id = ?`

/** What became of an ended token: without a successor it has been revoked. */
export type EndingRow = readonly [at: number, successor: string | null, trace: string | null, receipt: string | null]

export const FIND_ENDING = 'SELECT at, successor, trace, receipt FROM ending WHERE token = ?'

export const typeOf = (refresh: 0 | 1): TokenType => (refresh === 1 ? 'refresh' : 'access')

/** @param ending of an ended token */
export function toToken(id: string, clientId: string, row: TokenRow, ending: EndingRow | undefined): StoredToken {
  const [, , refresh, , family, subject, scope, audience, issuedAt, expiresAt, familyExpiresAt, trace] = row
  const spent = ending && toSpending(ending)
  return {
    id,
    type: typeOf(refresh),
    family: family ?? id,
    clientId,
    subject: subject ?? undefined,
    scope: scope === '' ? [] : scope.split(' '),
    audience,
    issuedAt,
    expiresAt,
    familyExpiresAt,
    trace: trace ?? undefined,
    spent,
    revokedAt: spent === undefined ? ending?.[0] : undefined
  }
}

function toSpending([at, successor, trace, receipt]: EndingRow): Spending | undefined {
  if (successor === null) return undefined
  return { at, successor, trace: trace ?? undefined, receipt: receipt ?? undefined }
}
