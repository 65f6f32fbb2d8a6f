import { Session } from 'node:inspector/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { MemoryStore } from '../../lib/stores/memory.ts'
import { accessToken, NOW, refreshToken, rotate } from './conformance/tokens.ts'

/*
 * A worker that counts the steps MemoryStore takes, so that a scan shows as what it is and no clock is needed: V8's
 * block counts of the store's own files, summed up. The worker's engine is its own; the test's coverage is not touched.
 */

const session = new Session()
session.connect()
await session.post('Profiler.enable')
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })

/** How often the blocks of lib/stores/ have run since the last call. */
async function stepsTaken(): Promise<number> {
  const { result } = await session.post('Profiler.takePreciseCoverage')
  return result
    .filter(({ url }) => url.includes('/lib/stores/'))
    .flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges.map(({ count }) => count)))
    .reduce((sum, count) => sum + count, 0)
}

/** A store with so many live tokens of client `app`, which expire in the next hours, and a few of client `web`. */
async function populated(others: number): Promise<MemoryStore> {
  const store = new MemoryStore()
  for (let index = 0; index < others; index += 1) {
    const owner = { clientId: 'app', subject: `user-${index % 1000}`, family: `family-${index}` }
    await store.insert([accessToken({ ...owner, expiresAt: NOW + 3600 + (index % 5000) })])
  }
  await store.countLive(NOW)
  return store
}

async function measure(others: number): Promise<Record<string, number>> {
  const store = await populated(others)
  const tokens = [refreshToken(), refreshToken(), refreshToken()]
  const [first = refreshToken()] = tokens
  const work: Record<string, () => Promise<unknown>> = {
    insert: () => store.insert(tokens),
    find: () => store.find(first.id),
    rotate: () => rotate(store, first, NOW + 1),
    countLive: () => store.countLive(NOW + 1),
    prune: () => store.prune(NOW + 2),
    revoke: () => store.revoke({ clientId: 'web' }, NOW + 3, 'admin'),
    revokeAgain: () => store.revoke({ clientId: 'web' }, NOW + 3, 'admin'),
    revokeNobody: () => store.revoke({ subject: 'nobody' }, NOW + 3, 'admin')
  }
  const steps: Record<string, number> = {}
  for (const [name, run] of Object.entries(work)) {
    await stepsTaken()
    await run()
    steps[name] = await stepsTaken()
  }
  return steps
}

const few = await measure(workerData.few)
parentPort?.postMessage({ few, many: await measure(workerData.many) })
