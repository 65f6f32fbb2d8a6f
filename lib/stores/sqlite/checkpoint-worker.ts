import { DatabaseSync } from 'node:sqlite'
import { workerData } from 'node:worker_threads'
import { type Checkpointing, COMMITTED, HOLD, OVER, UNDER_WAY } from './checkpoints.ts'

/** What has been committed is on the disk about so much later. */
const INTERVAL_MS = 250
/** From so many pages on the log is to begin anew. */
const LONG_LOG = 16_000
/** So few pages are left to be copied while writers are held up; the disk must have all of them before that is over. */
const FEW_PAGES = 128
/** Who writes faster than this thread reads is held up for what is left after so many passes. */
const MOST_PASSES = 8
/** For so long it waits for those who write or read. */
const BUSY_MS = 25

/** Of a checkpoint; -1 where another process makes one. */
interface Result {
  readonly busy: 0 | 1
  readonly log: number
  readonly checkpointed: number
}

const { path, signals }: Checkpointing = workerData
const database = new DatabaseSync(path, { timeout: BUSY_MS })
const carryOver = database.prepare('PRAGMA wal_checkpoint(PASSIVE)')
const beginAnew = database.prepare('PRAGMA wal_checkpoint(RESTART)')

/**
 * Carries over what there is, of a long log also what has come meanwhile: usually less each time. What others kept from
 * being carried over is left for the next time. Tells whether the log is long.
 */
function catchUp(): boolean {
  let length = 0
  let before: number
  let passes = 0
  do {
    before = length
    const { busy, log, checkpointed } = carryOver.get() as unknown as Result
    Atomics.or(signals, COMMITTED, Number(busy === 1 || checkpointed < log))
    length = log
    passes += 1
  } while (length > LONG_LOG && length - before > FEW_PAGES && passes < MOST_PASSES)
  return length > LONG_LOG
}

function checkpoint(): void {
  Atomics.store(signals, UNDER_WAY, 1)
  try {
    if (!catchUp()) return
    Atomics.store(signals, HOLD, 1)
    beginAnew.get()
  } catch {
    // A disk that is full, say: who writes is told; here it is tried again.
    Atomics.store(signals, COMMITTED, 1)
  } finally {
    Atomics.store(signals, HOLD, 0)
    Atomics.store(signals, UNDER_WAY, 0)
  }
}

while (Atomics.load(signals, OVER) === 0) {
  if (Atomics.exchange(signals, COMMITTED, 0) === 1) checkpoint()
  Atomics.wait(signals, OVER, 0, INTERVAL_MS)
}
database.close()
