import type { DatabaseSync, StatementSync } from 'node:sqlite'

interface Job {
  /** Reads, and tells the caller. */
  readonly read: () => void
  readonly refuse: (error: unknown) => void
}

/**
 * Does all reading that has come together during one turn of the event loop in one transaction: to lock the file takes
 * longer than to find a token. The state that is read is never older than the call that asked for it.
 */
export class GroupRead {
  readonly #database: DatabaseSync
  readonly #begin: StatementSync
  readonly #rollback: StatementSync
  #queue: Job[] = []

  constructor(database: DatabaseSync) {
    this.#database = database
    this.#begin = database.prepare('BEGIN')
    this.#rollback = database.prepare('ROLLBACK')
  }

  run<T>(read: () => T): Promise<T> {
    return new Promise((resolve, refuse) => {
      this.#queue.push({ read: () => resolve(read()), refuse })
      if (this.#queue.length === 1) setImmediate(() => this.flush())
    })
  }

  /** Reads at once what has been asked for. */
  flush(): void {
    const jobs = this.#queue
    this.#queue = []
    try {
      if (jobs.length > 1) this.#begin.run()
      for (const job of jobs) this.#do(job)
      // Nothing has been written. SQLite itself rolls back after some errors.
      if (jobs.length > 1 && this.#database.isTransaction) this.#rollback.run()
    } catch (error) {
      for (const { refuse } of jobs) refuse(error)
    }
  }

  #do({ read, refuse }: Job): void {
    try {
      read()
    } catch (error) {
      refuse(error)
    }
  }
}
