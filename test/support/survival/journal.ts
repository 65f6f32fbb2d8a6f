/** What the token endpoint answers with. */
export interface Pair {
  readonly access_token: string
  readonly refresh_token: string
}

/** What was asked for and not answered, or with 503: it may have been done, and may not. */
export type Doubt = 'refresh' | 'revoke'

/** A family, as the client that owns it knows it. Only what was acknowledged is in here. */
export interface Family {
  readonly subject: string
  /** The first pair, and those it was refreshed to; the last is the one to use. */
  readonly pairs: [Pair, ...Pair[]]
  revoked: boolean
  doubt: Doubt | undefined
}

/** How a request ended for its client. */
export interface Ending {
  readonly what: 'issue' | 'refresh' | 'revoke' | 'revoke all'
  readonly status: number
  readonly retryAfter: string | undefined
  /** When it was asked for and when it ended, by `performance.now()`. */
  readonly began: number
  readonly ended: number
}

/** What clients were promised by a server, kept outside of it. */
export class Journal {
  readonly families: Family[] = []
  readonly endings: Ending[] = []

  /** The pair that is to be used. */
  static current({ pairs }: Family): Pair {
    return pairs.at(-1) ?? pairs[0]
  }

  /** How often anything was acknowledged, or one thing. */
  count(what?: Ending['what']): number {
    return this.endings.filter((ending) => ending.status === 200 && (what ?? ending.what) === ending.what).length
  }

  /** Each status with each `Retry-After` that came with it. */
  statuses(): string[] {
    const all = this.endings.map(({ status, retryAfter }) =>
      retryAfter ? `${status} after ${retryAfter} s` : `${status}`
    )
    return [...new Set(all)].sort()
  }
}
