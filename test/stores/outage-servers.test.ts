import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { openStore } from '../support/open-store.ts'
import { DURABLE_SERVERS } from '../support/stores.ts'
import type { Ending } from '../support/survival/journal.ts'
import { putUnderLoad } from '../support/survival/load.ts'
import { brokenPromises } from '../support/survival/promises.ts'
import { startReplica } from '../support/survival/replica.ts'
import { surprises } from '../support/survival/surprises.ts'

const STORE_TIMEOUT = 0.5
const OPTIONS = { refreshToken: { reuse: 'family' }, storeTimeout: STORE_TIMEOUT } as const

const DOWN_MS = 1500

/** Of a machine that has other things to do. */
const SLACK_MS = 2000

const statuses = (endings: readonly Ending[]): number[] => [...new Set(endings.map(({ status }) => status))]

t.setTimeout(280_000)

for (const [name, start] of Object.entries(DURABLE_SERVERS)) {
  t.test(
    `${name}, killed under load and brought back: 503 in bounded time, nothing acknowledged is lost`,
    async (t) => {
      const engine = await start(t)
      if (engine?.server === undefined) return
      const spec = engine.newStore()
      const replica = await startReplica(t, spec, OPTIONS)
      const load = putUnderLoad(replica)
      const { journal } = load
      await load.acknowledged(200)
      const killing = performance.now()
      await engine.server.kill()
      const killed = performance.now()
      await sleep(DOWN_MS)
      const coming = performance.now()
      await engine.server.start()
      await t.resolves(load.acknowledged(100), 'it serves again by itself')
      await load.end()

      const before = journal.endings.filter(({ ended }) => ended < killing)
      const during = journal.endings.filter(({ began, ended }) => began > killed && ended < coming)
      t.strictSame(statuses(before), [200], 'all is well before')
      t.strictSame(statuses(during), [503], `${during.length} answers while it is down`)
      t.strictSame(
        journal.statuses().filter((status) => !['200', '503', '503 after 5 s'].includes(status)),
        []
      )
      const atEndpoints = ({ what, status }: Ending) => status === 503 && (what === 'refresh' || what === 'revoke')
      t.ok(journal.endings.some(atEndpoints), 'endpoints have answered 503')
      t.ok(
        journal.endings.filter(atEndpoints).every(({ retryAfter }) => retryAfter === '5'),
        'the endpoints say when to come back'
      )
      const longest = Math.max(...journal.endings.map(({ began, ended }) => ended - began))
      t.ok(longest < STORE_TIMEOUT * 1000 + SLACK_MS, `the longest answer took ${Math.round(longest)} ms`)

      t.ok(replica.isAlive(), 'it has not crashed')
      const store = await openStore(spec)
      t.teardown(() => store.close())
      t.strictSame(await brokenPromises(store, journal), [], 'broken promises')
      t.strictSame(await surprises(replica, journal), [], 'surprises')
    }
  )
}
