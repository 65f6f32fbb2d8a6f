import { ExpectedMetrics } from './expected-metrics.ts'

/** What the token endpoint answered with. */
export interface Answer {
  readonly access_token: string
  readonly refresh_token?: string
  readonly scope?: string
  readonly expires_in: number
}

export interface Grant {
  readonly clientId: string
  readonly subject: string | undefined
  readonly scope: readonly string[]
  readonly audience: readonly string[]
}

/** How a refresh token was spent: when, for what, and what the answer was. */
interface ModelSpending {
  readonly at: number
  readonly answer: Answer
  readonly scope: readonly string[]
  readonly audience: readonly string[]
}

export interface ModelToken extends Grant {
  /** The token itself. */
  readonly value: string
  readonly type: 'access' | 'refresh'
  readonly family: string
  readonly issuedAt: number
  readonly expiresAt: number
  readonly familyEnd: number
  spent: ModelSpending | undefined
  revoked: boolean
  forgotten: boolean
}

/** Lifetimes in seconds. */
export interface Lifetimes {
  readonly accessTtl: number
  readonly idleTtl: number
  readonly absoluteTtl: number
}

/** The tokens there are: one list, no indexes; and what their life adds to `/metrics`. */
export class Ledger {
  now: number
  readonly metrics = new ExpectedMetrics()
  readonly tokens: ModelToken[] = []
  readonly #lifetimes: Lifetimes

  constructor(lifetimes: Lifetimes, now: number) {
    this.#lifetimes = lifetimes
    this.now = now
  }

  isLive({ expiresAt, spent, revoked }: ModelToken): boolean {
    return this.now < expiresAt && spent === undefined && !revoked
  }

  find(value: string): ModelToken | undefined {
    return this.tokens.find((token) => token.value === value && !token.forgotten)
  }

  /** The tokens of an answer; a family that goes on keeps its end. */
  add(family: string, access: Grant, refresh: Grant, answer: Answer, goesOnUntil?: number): void {
    const { accessTtl, idleTtl, absoluteTtl } = this.#lifetimes
    const second = Math.floor(this.now)
    const familyEnd = goesOnUntil ?? second + absoluteTtl
    const common = { family, issuedAt: this.now, familyEnd, spent: undefined, revoked: false, forgotten: false }
    this.tokens.push({
      ...common,
      ...access,
      value: answer.access_token,
      type: 'access',
      expiresAt: second + accessTtl
    })
    if (answer.refresh_token === undefined) return
    const expiresAt = Math.min(second + idleTtl, familyEnd)
    this.tokens.push({ ...common, ...refresh, value: answer.refresh_token, type: 'refresh', expiresAt })
  }

  anyLive(belongs: (token: ModelToken) => boolean): boolean {
    return this.tokens.some((token) => this.isLive(token) && belongs(token))
  }

  /** Revokes what is alive, and counts it. */
  kill(belongs: (token: ModelToken) => boolean, reason: string): number {
    const killed = this.tokens.filter((token) => this.isLive(token) && belongs(token))
    for (const token of killed) {
      token.revoked = true
      const labels = { oauth2_client_id: token.clientId, oauth2_revocation_reason: reason }
      this.metrics.add('oauth2_token_revoked_total', labels)
    }
    return killed.length
  }

  /** A scrape forgets what has expired, and counts what nobody had spent or revoked. */
  prune(): void {
    for (const token of this.tokens) {
      if (token.forgotten || this.now < token.expiresAt) continue
      token.forgotten = true
      if (token.spent !== undefined || token.revoked) continue
      const labels = { oauth2_client_id: token.clientId, oauth2_token_type: token.type }
      this.metrics.add('oauth2_token_expired_total', labels)
    }
    const forgotten = this.tokens.filter((token) => token.forgotten)
    for (const token of forgotten.slice(0, -MEMORABLE)) this.tokens.splice(this.tokens.indexOf(token), 1)
  }

  /** The live tokens, as `/metrics` shows them. */
  active(): { name: string; labels: Record<string, string>; value: number }[] {
    return [...new Set(this.tokens.map(({ clientId }) => clientId))].flatMap((clientId) =>
      (['access', 'refresh'] as const).map((type) => ({
        name: 'oauth2_token_active',
        labels: { oauth2_client_id: clientId, oauth2_token_type: type },
        value: this.tokens.filter((one) => one.clientId === clientId && one.type === type && this.isLive(one)).length
      }))
    )
  }
}

/** So many forgotten tokens are still presented now and then. */
const MEMORABLE = 300
