import type { DatabaseSync, StatementSync } from 'node:sqlite'

/**
 * Does all reading that has come together during one turn of the event loop in one transaction: to lock the file takes
 * longer than to find a token. The state that is read is never older than the call that asked for it.
 */
export class GroupRead {
  readonly #database: DatabaseSync
  readonly #begin: StatementSync
  readonly #end: StatementSync
  #queue: (() => void)[] = []

  constructor(database: DatabaseSync) {
    this.#database = database
    this.#begin = database.prepare('BEGIN')
    this.#end = database.prepare('ROLLBACK')
  }

  run<T>(read: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    this.#queue.push(() => {
      try {
        resolve(read())
      } catch (error) {
        reject(error)
      }
    })
    if (this.#queue.length === 1) setImmediate(() => this.flush())
    return promise
  }

  /** Reads at once what has been asked for. */
  flush(): void {
    const reads = this.#queue
    if (reads.length === 0) return
    this.#queue = []
    if (reads.length > 1) this.#begin.run()
    for (const read of reads) read()
    // Nothing has been written, and to roll back never fails; SQLite itself does after some errors.
    if (this.#database.isTransaction) this.#end.run()
  }
}
