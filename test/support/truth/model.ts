import { type Answer, type Grant, Ledger, type Lifetimes, type ModelToken } from './ledger.ts'

/** A client as it presents itself: one that has a secret, and uses it, proves who it is. */
export interface ModelClient {
  readonly id: string
  readonly secret?: string
}

export interface ModelRules extends Lifetimes {
  readonly graceWindow: number
  readonly reuse: 'user' | 'family'
}

/** What a refresh should come to. After a rotation the model wants to see the answer. */
export type RefreshOutcome =
  | { readonly error: string }
  | { readonly again: Answer }
  | { readonly rotated: (answer: Answer) => void }

export interface RefreshAttempt {
  readonly value: string
  readonly by: ModelClient
  readonly scope?: string | undefined
  readonly resource?: string | undefined
}

/**
 * The life of tokens told once more, as simply as it can be told, and beside it what each event should have added to
 * `/metrics`.
 */
export class Model {
  readonly ledger: Ledger
  readonly #rules: ModelRules
  #families = 0

  constructor(rules: ModelRules, now: number) {
    this.#rules = rules
    this.ledger = new Ledger(rules, now)
  }

  /** A grant that begins a family. */
  issued(grant: Grant, grantType: string, answer: Answer): void {
    this.#families += 1
    this.#operation('issue')
    this.#count('issued', { oauth2_client_id: grant.clientId, oauth2_grant_type: grantType })
    this.ledger.add(`family-${this.#families}`, grant, grant, answer)
  }

  /** The token endpoint refused before it came to any verb. */
  refused(clientId: string | undefined, grantType: string | undefined, error: string): void {
    this.#count('refused', {
      oauth2_client_id: clientId ?? 'unknown',
      oauth2_grant_type: grantType ?? '_OTHER',
      error_type: error
    })
  }

  /** A token was presented to the hook; `clientId` where its signature is good. */
  validated(clientId: string | undefined, reason: string | undefined): void {
    this.#count('validated', {
      oauth2_client_id: clientId ?? 'unknown',
      oauth2_validation_result: reason === undefined ? 'valid' : reason === 'expired' ? 'expired' : 'invalid',
      oauth2_validation_reason: reason
    })
  }

  refresh(attempt: RefreshAttempt): RefreshOutcome {
    const { value, by } = attempt
    const proven = by.secret === undefined ? undefined : by.id
    const token = this.ledger.find(value)
    if (token?.type !== 'refresh') return this.#refuse(proven, 'invalid_grant', 'not_found')
    const { clientId } = token
    if (clientId !== by.id) return this.#refuse(proven, 'invalid_grant', 'wrong_client')
    if (this.ledger.now >= token.expiresAt) return this.#refuse(clientId, 'invalid_grant', 'expired')
    if (token.spent !== undefined) return this.#reused(token, attempt, 'theft')
    if (token.revoked) return this.#refuse(clientId, 'invalid_grant', 'revoked')
    const { scope, audience } = askedFor(attempt, token)
    if (!scope.every((name) => token.scope.includes(name))) return this.#refuse(clientId, 'invalid_scope')
    if (!audience.every((name) => token.audience.includes(name))) return this.#refuse(clientId, 'invalid_target')
    return { rotated: (answer) => this.#rotate(token, attempt, answer) }
  }

  /** Another refresh of the same token was faster by a hair; call it when the faster one is known. */
  raceLost(attempt: RefreshAttempt): RefreshOutcome {
    const token = this.ledger.find(attempt.value)
    if (token === undefined) throw new Error('nobody can lose a race for a token that is not there')
    return this.#reused(token, attempt, 'race_lost')
  }

  /** By the token itself (RFC 7009), for `clientId` only if it is given. */
  revoke(value: string, reason: string, clientId?: string): number {
    this.#operation('revoke')
    const token = this.ledger.find(value)
    if (token === undefined || (clientId !== undefined && token.clientId !== clientId)) return 0
    return this.ledger.kill((one) => (token.type === 'refresh' ? one.family === token.family : one === token), reason)
  }

  revokeAll(belongs: (token: ModelToken) => boolean, reason: string): number {
    this.#operation('revoke_all')
    return this.ledger.kill(belongs, reason)
  }

  /** @param sees whether the caller may see tokens for these audiences */
  introspected(value: string, clientId: string, sees: (audience: readonly string[]) => boolean): boolean {
    const token = this.ledger.find(value)
    const active = token !== undefined && this.ledger.isLive(token) && sees(token.audience)
    this.#operation('introspect')
    this.#count('introspected', { oauth2_client_id: clientId, oauth2_active: String(active) })
    return active
  }

  #count(name: string, labels: Readonly<Record<string, string | undefined>>): void {
    this.ledger.metrics.add(`oauth2_token_${name}_total`, labels)
  }

  #operation(operation: string, error?: string): void {
    const labels = { oauth2_operation: operation, error_type: error }
    this.ledger.metrics.add('oauth2_token_operation_duration_count', labels)
  }

  #rotate(token: ModelToken, attempt: RefreshAttempt, answer: Answer): void {
    const { clientId, subject, issuedAt, expiresAt } = token
    const { metrics, now } = this.ledger
    const labels = { oauth2_client_id: clientId }
    const asked = askedFor(attempt, token)
    this.#operation('issue')
    this.#operation('refresh')
    this.#count('issued', { ...labels, oauth2_grant_type: 'refresh_token' })
    this.#count('refreshed', labels)
    metrics.record('oauth2_token_age_at_refresh', labels, now - issuedAt)
    metrics.record('oauth2_token_lifetime_at_refresh', labels, (now - issuedAt) / (expiresAt - issuedAt))
    token.spent = { at: now, answer, ...asked }
    const { scope, audience } = token
    this.ledger.add(
      token.family,
      { clientId, subject, ...asked },
      { clientId, subject, scope, audience },
      answer,
      token.familyEnd
    )
  }

  #refuse(clientId: string | undefined, error: string, reason?: string): RefreshOutcome {
    if (reason !== undefined) this.validated(clientId, reason)
    this.#operation('refresh', error)
    this.refused(clientId, 'refresh_token', error)
    return { error }
  }

  #reused(token: ModelToken, attempt: RefreshAttempt, outcome: 'theft' | 'race_lost'): RefreshOutcome {
    const labels = { oauth2_client_id: token.clientId }
    const again = this.#answeredAgain(token, attempt)
    this.#count('reuse_detected', { ...labels, oauth2_reuse_outcome: again === undefined ? outcome : 'grace' })
    if (again !== undefined) {
      this.#operation('refresh')
      return { again }
    }
    const { subject, family } = token
    // A replay from a family that is already dead is counted and kills nobody else.
    const isAlive = this.ledger.anyLive((one) => one.family === family)
    const byUser = isAlive && this.#rules.reuse === 'user' && subject !== undefined
    this.revokeAll((one) => (byUser ? one.subject === subject : one.family === family), 'security_incident')
    return this.#refuse(token.clientId, 'invalid_grant', 'reused')
  }

  #answeredAgain(token: ModelToken, attempt: RefreshAttempt): Answer | undefined {
    const { spent } = token
    const { now } = this.ledger
    if (spent === undefined || now >= spent.at + this.#rules.graceWindow) return undefined
    const successor = this.ledger.find(spent.answer.refresh_token ?? '')
    if (successor === undefined || !this.ledger.isLive(successor)) return undefined
    const { scope, audience } = askedFor(attempt, token)
    if (`${scope}` !== `${spent.scope}` || `${audience}` !== `${spent.audience}`) return undefined
    const expiresAt = Math.floor(spent.at) + spent.answer.expires_in
    return { ...spent.answer, expires_in: Math.max(0, expiresAt - Math.floor(now)) }
  }
}

/** What an attempt asks for: what the token has, unless it says less. */
function askedFor({ scope, resource }: RefreshAttempt, token: ModelToken) {
  return { scope: scope?.split(' ') ?? token.scope, audience: resource === undefined ? token.audience : [resource] }
}
