import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { isBusy } from './errors.ts'

/** Keeps something beside the work of a transaction. */
export interface Participant {
  /** Writes what the transaction has gathered. */
  settle(): void
  /** The transaction is over. */
  over(committed: boolean): void
}

/** What group commit stands on. */
export interface GroupCommitParts {
  readonly participants: readonly Participant[]
  readonly explain: (error: unknown) => unknown
  /** Whether transactions have to wait for a few milliseconds. */
  readonly mustHold: () => boolean
}

interface Job {
  /** Does the work; gives what tells its caller once the work is durable. */
  readonly work: () => () => void
  readonly refuse: (error: unknown) => void
  readonly deadline: number
}

/** For so long a job waits for other processes to let go of the file; nobody waits longer for an answer. */
const PATIENCE_MS = 1_500
/** The longest pause before the next attempt. */
const PAUSE_MS = 4
/** More than so many would keep the event loop for too long. */
const MOST_JOBS = 256

/**
 * Does all work that has come together during one turn of the event loop in one transaction, and tells its callers when
 * that has been committed. Where one of them fails, each is done again in a transaction of its own: what fails never
 * takes others along.
 */
export class GroupCommit {
  readonly #database: DatabaseSync
  readonly #participants: readonly Participant[]
  readonly #explain: (error: unknown) => unknown
  readonly #mustHold: () => boolean
  readonly #begin: StatementSync
  readonly #commit: StatementSync
  #queue: Job[] = []
  #scheduled = false
  #closed = false
  #onIdle: () => void = () => {}

  constructor(database: DatabaseSync, { participants, explain, mustHold }: GroupCommitParts) {
    this.#database = database
    this.#participants = participants
    this.#explain = explain
    this.#mustHold = mustHold
    this.#begin = database.prepare('BEGIN IMMEDIATE')
    this.#commit = database.prepare('COMMIT')
  }

  /** @param work may run more than once: it changes nothing but the database, and waits for nothing */
  run<T>(work: () => T): Promise<T> {
    if (this.#closed) return Promise.reject(new Error('The token database has been closed'))
    return new Promise((resolve, refuse) => {
      this.#queue.push({
        work: () => {
          const result = work()
          return () => resolve(result)
        },
        refuse,
        deadline: performance.now() + PATIENCE_MS
      })
      this.#schedule()
    })
  }

  /** Takes no more work, and resolves when what has been taken is done. */
  async close(): Promise<void> {
    this.#closed = true
    if (!this.#scheduled) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onIdle = resolve
    await promise
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.#flush())
  }

  #flush(): void {
    if (this.#mustHold()) {
      setTimeout(() => this.#flush(), 1)
      return
    }
    this.#scheduled = false
    this.#do(this.#queue.splice(0, MOST_JOBS))
    if (this.#queue.length > 0) this.#schedule()
    if (!this.#scheduled) this.#onIdle()
  }

  #do(jobs: readonly Job[]): void {
    try {
      for (const tell of this.#transaction(jobs)) tell()
    } catch (error) {
      const [only, ...others] = jobs
      if (isBusy(error)) this.#putOff(jobs, error)
      else if (others.length > 0) for (const job of jobs) this.#do([job])
      else only?.refuse(this.#explain(error))
    }
  }

  #transaction(jobs: readonly Job[]): (() => void)[] {
    this.#begin.run()
    let committed = false
    try {
      const told = jobs.map(({ work }) => work())
      for (const participant of this.#participants) participant.settle()
      this.#commit.run()
      committed = true
      return told
    } finally {
      // SQLite itself rolls back after some errors.
      if (!committed && this.#database.isTransaction) this.#database.exec('ROLLBACK')
      for (const participant of this.#participants) participant.over(committed)
    }
  }

  #putOff(jobs: readonly Job[], error: unknown): void {
    const now = performance.now()
    for (const { deadline, refuse } of jobs) if (deadline <= now) refuse(this.#explain(error))
    this.#queue.unshift(...jobs.filter(({ deadline }) => deadline > now))
    if (this.#scheduled || this.#queue.length === 0) return
    this.#scheduled = true
    setTimeout(() => this.#flush(), 1 + Math.random() * PAUSE_MS)
  }
}
