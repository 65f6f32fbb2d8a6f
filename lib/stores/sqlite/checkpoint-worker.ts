import { DatabaseSync } from 'node:sqlite'
import { workerData } from 'node:worker_threads'
import { type Checkpointing, COMMITTED, HOLD, OVER } from './checkpoints.ts'

/** What has been committed is on the disk about so much later. */
const INTERVAL_MS = 250
/** From so many pages on writers are held up for a moment, so that the log can begin anew. */
const LONG_LOG = 8000
/** For so long it waits for those who write or read. */
const BUSY_MS = 25

const { path, signals }: Checkpointing = workerData
const database = new DatabaseSync(path, { timeout: BUSY_MS })
const carryOver = database.prepare('PRAGMA wal_checkpoint(PASSIVE)')
const beginAnew = database.prepare('PRAGMA wal_checkpoint(RESTART)')

function checkpoint(): void {
  try {
    if (Number(carryOver.get()?.log) <= LONG_LOG) return
    Atomics.store(signals, HOLD, 1)
    beginAnew.get()
  } catch {
    // A disk that is full, say: who writes is told; here it is tried again.
    Atomics.store(signals, COMMITTED, 1)
  } finally {
    Atomics.store(signals, HOLD, 0)
  }
}

while (Atomics.load(signals, OVER) === 0) {
  if (Atomics.exchange(signals, COMMITTED, 0) === 1) checkpoint()
  Atomics.wait(signals, OVER, 0, INTERVAL_MS)
}
database.close()
