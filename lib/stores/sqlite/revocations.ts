import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Selector } from '../../oauth/store/store.ts'
import { isLive } from '../../oauth/tokens/token.ts'
import type { Clients } from './clients.ts'
import { idKey, textKey } from './keys.ts'
import type { Marks } from './marks.ts'
import type { Live, Tokens } from './tokens.ts'
import type { Walk, Walks } from './walks.ts'

export type SetSelector = Exclude<Selector, { id: string }>

/** A part of a revocation: the tokens that died in it, and what is left to do. */
export interface Part {
  readonly revoked: readonly Live[]
  readonly walk: Walk | undefined
}

/**
 * A revocation that began more than so many seconds ago was left by a process that has ended. One that is under way must
 * not be gone on with: what others revoke of it is not counted.
 */
const LONGEST_WALK = 3600

/** So many tokens die in one transaction; more would keep others waiting. */
const PART = 500

const EVERY_ROW = { after: 0, upto: Number.MAX_SAFE_INTEGER }

const liveOf = (index: string, condition: string): string => `
  SELECT row, client, refresh FROM token INDEXED BY ${index}
  WHERE ${condition} AND ended = 0 AND expires_at > ? AND row > ? AND row <= ? ORDER BY row LIMIT ${PART}`

/** Revocations of families, subjects and clients: in one transaction, or in several where there are many tokens. */
export class Revocations {
  readonly #tokens: Tokens
  readonly #clients: Clients
  readonly #marks: Marks
  readonly #walks: Walks
  readonly #ofFamily: StatementSync
  readonly #ofSubject: StatementSync
  readonly #ofClient: StatementSync

  constructor(database: DatabaseSync, tokens: Tokens, clients: Clients, marks: Marks, walks: Walks) {
    this.#tokens = tokens
    this.#clients = clients
    this.#marks = marks
    this.#walks = walks
    this.#ofFamily = database.prepare(liveOf('live_by_family', 'family_key = ? AND family = ?'))
    this.#ofSubject = database.prepare(liveOf('live_by_subject', 'subject_key = ? AND subject = ?'))
    this.#ofClient = database.prepare(liveOf('live_by_client', 'client = ?'))
  }

  begin(selector: SetSelector, at: number): Part {
    const [kind, name] = named(selector)
    if (kind !== 'family') this.#marks.add(kind, name, at)
    const found = this.#find(selector, at, EVERY_ROW)
    const first = 'family' in selector ? this.#liveFirst(selector.family, at) : undefined
    const revoked = this.#revoke(first === undefined ? found : [first, ...found], at)
    const last = found.at(-1)
    if (last === undefined || found.length < PART) return { revoked, walk: undefined }
    return { revoked, walk: this.#walks.begin(kind, name, at, last.row) }
  }

  goOn(walk: Walk, at: number): Part {
    const found = this.#find(selectorOf(walk), at, walk)
    const last = found.at(-1)
    if (last !== undefined && found.length === PART) {
      return { revoked: this.#revoke(found, at), walk: { ...walk, after: last.row } }
    }
    this.#walks.end(walk)
    return { revoked: this.#revoke(found, at), walk: undefined }
  }

  /** A revocation that somebody has to go on with; more than one may do so. */
  abandoned(at: number): Walk | undefined {
    return this.#walks.abandoned(at - LONGEST_WALK)
  }

  #revoke(tokens: readonly Live[], at: number): readonly Live[] {
    for (const token of tokens) this.#tokens.revoke(token, at)
    return tokens
  }

  #find(selector: SetSelector, at: number, { after, upto }: Pick<Walk, 'after' | 'upto'>): readonly Live[] {
    const rows = (statement: StatementSync, ...of: (string | number)[]) =>
      statement.all(...of, at, after, upto) as unknown as readonly Live[]
    if ('family' in selector) return rows(this.#ofFamily, idKey(selector.family), selector.family)
    if ('subject' in selector) return rows(this.#ofSubject, textKey(selector.subject), selector.subject)
    const client = this.#clients.find(selector.clientId)
    return client === undefined ? [] : rows(this.#ofClient, client)
  }

  /** The token that gave a family its name: the one of the family that is found by its id. */
  #liveFirst(family: string, at: number): Live | undefined {
    const found = this.#tokens.find(family)
    return found?.token.family === family && isLive(found.token, at) ? found : undefined
  }
}

function named(selector: SetSelector): readonly [kind: string, name: string] {
  if ('family' in selector) return ['family', selector.family]
  if ('subject' in selector) return ['subject', selector.subject]
  return ['clientId', selector.clientId]
}

function selectorOf({ kind, name }: Walk): SetSelector {
  if (kind === 'family') return { family: name }
  return kind === 'subject' ? { subject: name } : { clientId: name }
}
