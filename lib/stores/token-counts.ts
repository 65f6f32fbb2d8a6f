import type { TokenCount, TokenType } from '../oauth/tokens/token.ts'

/** Numbers of tokens per client and type. */
export class TokenCounts {
  readonly #counts = new Map<string, Record<TokenType, number>>()

  add(clientId: string, type: TokenType, count: number): void {
    let counts = this.#counts.get(clientId)
    if (counts === undefined) {
      counts = { access: 0, refresh: 0 }
      this.#counts.set(clientId, counts)
    }
    counts[type] += count
  }

  /** Both types of every client that has been counted. */
  all(): TokenCount[] {
    return [...this.#counts].flatMap(([clientId, { access, refresh }]) => [
      { clientId, type: 'access' as const, count: access },
      { clientId, type: 'refresh' as const, count: refresh }
    ])
  }

  /** What there is any of. */
  positive(): TokenCount[] {
    return this.all().filter(({ count }) => count > 0)
  }

  clear(): void {
    this.#counts.clear()
  }
}
