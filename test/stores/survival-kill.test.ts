import t from 'tap'
import type { TokenStore } from '../../lib/index.ts'
import { openStore, type StoreSpec } from '../support/open-store.ts'
import { ENGINES } from '../support/stores.ts'
import type { Journal } from '../support/survival/journal.ts'
import { putUnderLoad } from '../support/survival/load.ts'
import { brokenPromises } from '../support/survival/promises.ts'
import { startReplica } from '../support/survival/replica.ts'
import { KILLS } from '../support/survival/sizes.ts'
import { surprises } from '../support/survival/surprises.ts'

const OPTIONS = { refreshToken: { reuse: 'family' } } as const

/** So much is acknowledged before a kill, and up to so much more. */
const ACKNOWLEDGED = 150
const MORE = 150

const sum = (counts: readonly { count: number }[]): number => counts.reduce((total, { count }) => total + count, 0)

async function opened<T>(spec: StoreSpec, work: (store: TokenStore) => Promise<T>): Promise<T> {
  const store = await openStore(spec)
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

t.setTimeout(280_000 + KILLS * 10_000)

t.test(`kill -9 of a server on SQLite under load, ${KILLS} times: what was acknowledged holds`, async (t) => {
  const spec = (await ENGINES.SQLite(t)).newStore()
  const journals: Journal[] = []
  let replica = await startReplica(t, spec, OPTIONS)
  for (let kill = 0; kill < KILLS; kill += 1) {
    const load = putUnderLoad(replica)
    await load.acknowledged(ACKNOWLEDGED + Math.random() * MORE)
    await replica.kill()
    await load.end()
    journals.push(load.journal)
    t.strictSame(load.journal.statuses(), ['200'], 'answers')
    t.strictSame(await opened(spec, (store) => brokenPromises(store, load.journal)), [], 'broken promises')
    replica = await startReplica(t, spec, OPTIONS)
    t.strictSame(await surprises(replica, load.journal), [], 'surprises')
  }
  await replica.kill()

  for (const what of ['issue', 'refresh', 'revoke', 'revoke all'] as const) {
    const count = journals.reduce((total, journal) => total + journal.count(what), 0)
    t.ok(count > 0, `acknowledged: ${count} of ${what}`)
  }
  const inDoubt = journals.flatMap(({ families }) => families.filter(({ doubt }) => doubt !== undefined))
  t.comment(`${inDoubt.length} families in doubt`)
  await opened(spec, async (store) => {
    const now = Date.now() / 1000
    const counted = sum(await store.countLive(now))
    t.equal(sum(await store.revoke({ clientId: 'web' }, now, 'admin')), counted, 'the gauge counts what is there')
    t.equal(sum(await store.countLive(now)), 0)
  })
})
