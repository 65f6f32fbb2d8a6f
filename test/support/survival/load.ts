import { setTimeout as sleep } from 'node:timers/promises'
import { type Doubt, type Ending, type Family, Journal, type Pair } from './journal.ts'
import type { Answer, Replica } from './replica.ts'

const WORKERS = 16
/** Who was told that the service is down waits a little. */
const PAUSE_MS = 20

const DEADLINE_MS = 60_000

/** What may happen next, and how often. */
const CHANCES = { issue: 0.3, refresh: 0.85, revoke: 0.97 }

export interface Load {
  readonly journal: Journal
  /** Resolves when so much more has been acknowledged; rejects when it takes too long. */
  acknowledged(more: number): Promise<void>
  /** Resolves when all that was asked for has been answered, or has failed with its server. */
  end(): Promise<void>
}

/** Clients that issue, refresh and revoke all the time, until the server is gone or the load ends. */
export function putUnderLoad(replica: Replica): Load {
  const journal = new Journal()
  let isOver = false
  const workers = Array.from({ length: WORKERS }, async (_, index) => {
    const worker = new Worker(replica, journal, `user-${index}`)
    while (!isOver && replica.isAlive()) {
      if (await worker.goOn()) continue
      await sleep(PAUSE_MS)
    }
  })
  return {
    journal,
    async acknowledged(more) {
      const goal = journal.count() + more
      const deadline = Date.now() + DEADLINE_MS
      while (journal.count() < goal) {
        if (Date.now() > deadline || !replica.isAlive()) throw new Error(`there is no service: ${journal.statuses()}`)
        await sleep(5)
      }
    },
    async end() {
      isOver = true
      await Promise.all(workers)
    }
  }
}

/** A user with one client, who does one thing after the other. */
class Worker {
  readonly #replica: Replica
  readonly #journal: Journal
  readonly #subject: string
  readonly #families: Family[] = []

  constructor(replica: Replica, journal: Journal, subject: string) {
    this.#replica = replica
    this.#journal = journal
    this.#subject = subject
  }

  /** Does one thing; `false` when it was in vain. */
  async goOn(): Promise<boolean> {
    const usable = this.#families.filter(({ revoked, doubt }) => !revoked && doubt === undefined)
    const family = usable[Math.floor(Math.random() * usable.length)]
    const number = Math.random()
    if (family === undefined || number < CHANCES.issue) return this.#issue()
    if (number < CHANCES.refresh) return this.#refresh(family)
    return number < CHANCES.revoke ? this.#revoke(family) : this.#revokeAll()
  }

  async #issue(): Promise<boolean> {
    const pair = await this.#ask('issue', [], () => this.#replica.postJson('/login', { subject: this.#subject }))
    if (pair === undefined) return false
    const family: Family = { subject: this.#subject, pairs: [JSON.parse(pair)], revoked: false, doubt: undefined }
    this.#families.push(family)
    this.#journal.families.push(family)
    return true
  }

  async #refresh(family: Family): Promise<boolean> {
    const { refresh_token } = Journal.current(family)
    const form = { grant_type: 'refresh_token', refresh_token }
    const pair = await this.#ask('refresh', [family], () => this.#replica.postForm('/oauth/token', form))
    if (pair === undefined) return false
    family.pairs.push(JSON.parse(pair) as Pair)
    return true
  }

  async #revoke(family: Family): Promise<boolean> {
    const token = Journal.current(family).refresh_token
    const done = await this.#ask('revoke', [family], () => this.#replica.postForm('/oauth/revoke', { token }))
    family.revoked = done !== undefined
    return family.revoked
  }

  async #revokeAll(): Promise<boolean> {
    const subject = this.#subject
    const families = this.#families.filter(({ revoked }) => !revoked)
    const done = await this.#ask('revoke all', families, () => this.#replica.postJson('/revoke-all', { subject }))
    for (const family of families) family.revoked = done !== undefined
    return done !== undefined
  }

  /** The body of what was acknowledged; otherwise the families concerned are in doubt. */
  async #ask(
    what: Ending['what'],
    families: readonly Family[],
    request: () => Promise<Answer>
  ): Promise<string | undefined> {
    const began = performance.now()
    const answer = await request().catch(() => undefined)
    if (answer !== undefined) {
      const { status, retryAfter } = answer
      this.#journal.endings.push({ what, status, retryAfter, began, ended: performance.now() })
    }
    if (answer?.status === 200) return answer.body
    const doubt: Doubt = what === 'refresh' ? 'refresh' : 'revoke'
    for (const family of families) family.doubt = doubt
    return undefined
  }
}
