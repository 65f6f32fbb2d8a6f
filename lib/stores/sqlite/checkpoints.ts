import { once } from 'node:events'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Participant } from './group-commit.ts'

/**
 * What the two threads tell each other: something has been committed; it is over; nothing may be written just now; the
 * log is being carried over.
 */
export const COMMITTED = 0
export const OVER = 1
export const HOLD = 2
export const UNDER_WAY = 3
const SIGNALS = 4

/** What the thread starts with. */
export interface Checkpointing {
  readonly path: string
  readonly signals: Int32Array
}

/** Who closes a store sooner needs no thread. */
const START_MS = 250

const WORKER = new URL(`./checkpoint-worker${extname(import.meta.url)}`, import.meta.url)

/** Said once: nothing is lost, but requests wait. */
function warnOfNoThread(cause: unknown): void {
  process.emitWarning(`SqliteStore: no thread carries its log over, so commits do, and wait for the disk: ${cause}`)
}

/**
 * Carries the log over into the database on a thread of its own, so that the event loop does not wait for the disk. It
 * begins with the first commit; without it a commit does so itself, much later.
 */
export class Checkpoints implements Participant {
  readonly #path: string
  readonly #signals = new Int32Array(new SharedArrayBuffer(SIGNALS * Int32Array.BYTES_PER_ELEMENT))
  #timer: NodeJS.Timeout | undefined
  #worker: Worker | undefined
  /** Resolves when the thread has ended, for whatever reason. */
  #ended: Promise<void> = Promise.resolve()

  constructor(path: string) {
    this.#path = path
  }

  /** Whether a transaction had better wait for a few milliseconds: the log is about to begin anew. */
  get hold(): boolean {
    return Atomics.load(this.#signals, HOLD) === 1
  }

  /** Whether what is not urgent had better not be written: the disk is busy, and a long log would only get longer. */
  get underWay(): boolean {
    return Atomics.load(this.#signals, UNDER_WAY) === 1
  }

  settle(): void {}

  over(committed: boolean): void {
    if (!committed) return
    Atomics.store(this.#signals, COMMITTED, 1)
    this.#timer ??= setTimeout(() => this.#start(), START_MS).unref()
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer)
    this.#worker?.ref()
    Atomics.store(this.#signals, OVER, 1)
    Atomics.notify(this.#signals, OVER)
    await this.#ended
  }

  #start(): void {
    this.#ended = this.#carryOver()
      .catch(warnOfNoThread)
      .finally(() => {
        for (const signal of [HOLD, UNDER_WAY]) Atomics.store(this.#signals, signal, 0)
      })
  }

  /** Rejects when the thread fails, or may not be started: Node's permission model can forbid it. */
  async #carryOver(): Promise<void> {
    const workerData: Checkpointing = { path: this.#path, signals: this.#signals }
    this.#worker = new Worker(WORKER, { workerData })
    this.#worker.unref()
    await once(this.#worker, 'exit')
  }
}
