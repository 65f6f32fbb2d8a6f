import type { Terms } from '../../oauth/tokens/terms.ts'
import type { Spending, StoredToken, TokenType } from '../../oauth/tokens/token.ts'

/*
 * A token as a string of lines, which the scripts read, too:
 *
 *   state: L as it was inserted, S spent, R revoked; then its type: a access, r refresh; then its client
 *   subject, or nothing
 *   family, or nothing where the token is alone in it
 *   expiresAt
 *   issuedAt
 *   familyExpiresAt
 *   scope and audience
 *   trace
 *   how it was spent, or when it was revoked
 *
 * Names are JSON strings, in which there is no line break whatever the name, and each name has one form.
 */

/** A name as it appears in rows and keys. */
export function quoted(name: string): string {
  return JSON.stringify(name)
}

/** The letter of a type. */
const LETTERS: Readonly<Record<TokenType, string>> = { access: 'a', refresh: 'r' }

/**
 * A client's own token names its family and cannot be refreshed: its family is found by its id, and needs no place in
 * an index.
 */
function isAlone({ id, family, subject }: StoredToken): boolean {
  return id === family && subject === undefined
}

/** The row of a token that is inserted. */
export function toRow(token: StoredToken): string {
  const { type, clientId, subject, family, expiresAt, issuedAt, scope, audience, familyExpiresAt, trace } = token
  return [
    `L${toCountField(type, clientId)}`,
    subject === undefined ? '' : quoted(subject),
    isAlone(token) ? '' : quoted(family),
    String(expiresAt),
    String(issuedAt),
    String(familyExpiresAt),
    toTermsLine({ scope, audience }),
    toTraceLine(trace)
  ].join('\n')
}

export function toTermsLine({ scope, audience }: Terms): string {
  return JSON.stringify([scope, audience])
}

export function toTraceLine(trace: string | undefined): string {
  return trace === undefined ? '' : quoted(trace)
}

/** The last line of a row that is spent. */
export function toLastLine({ at, successor, trace, receipt }: Spending): string {
  return JSON.stringify([at, successor, trace, receipt])
}

/** The token of a row. */
export function fromRow(id: string, row: string): StoredToken {
  const [first = '', subject, family, expiresAt, issuedAt, familyExpiresAt, terms = '', trace, last = ''] =
    row.split('\n')
  const [scope, audience] = JSON.parse(terms)
  return {
    id,
    ...fromCountField(first.slice(1)),
    family: family ? JSON.parse(family) : id,
    subject: subject ? JSON.parse(subject) : undefined,
    scope,
    audience,
    issuedAt: Number(issuedAt),
    expiresAt: Number(expiresAt),
    familyExpiresAt: Number(familyExpiresAt),
    trace: trace ? JSON.parse(trace) : undefined,
    spent: first.startsWith('S') ? fromLastLine(last) : undefined,
    revokedAt: first.startsWith('R') ? Number(last) : undefined
  }
}

function fromLastLine(line: string): Spending {
  const [at, successor, trace, receipt] = JSON.parse(line)
  return { at, successor, trace: trace ?? undefined, receipt: receipt ?? undefined }
}

/** Whose token it is and of which type, as the scripts count them: the letter, then the client. */
export function toCountField(type: TokenType, clientId: string): string {
  return LETTERS[type] + quoted(clientId)
}

export function fromCountField(field: string): Pick<StoredToken, 'type' | 'clientId'> {
  return { type: field.startsWith('a') ? 'access' : 'refresh', clientId: JSON.parse(field.slice(1)) }
}
