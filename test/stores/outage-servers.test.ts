import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { openStore } from '../support/open-store.ts'
import { DURABLE_SERVERS, type Engine } from '../support/stores.ts'
import type { Ending } from '../support/survival/journal.ts'
import { putUnderLoad } from '../support/survival/load.ts'
import { brokenPromises } from '../support/survival/promises.ts'
import { startReplica } from '../support/survival/replica.ts'
import { surprises } from '../support/survival/surprises.ts'

const STORE_TIMEOUT = 0.5
const OPTIONS = { refreshToken: { reuse: 'family' }, storeTimeout: STORE_TIMEOUT } as const

const DOWN_MS = 1500

/** Of a machine that has other things to do. */
const SLACK_MS = 3000

const statuses = (endings: readonly Ending[]): number[] => [...new Set(endings.map(({ status }) => status))]

t.setTimeout(280_000)

type Server = NonNullable<Engine['server']>

interface Outage {
  readonly begin: (server: Server) => Promise<void> | undefined
  readonly end: (server: Server) => Promise<void> | undefined
}

const OUTAGES: Readonly<Record<string, Outage>> = {
  'is killed': { begin: (server) => server.kill(), end: (server) => server.start() },
  hangs: { begin: async ({ signal }) => signal?.('SIGSTOP'), end: async ({ signal }) => signal?.('SIGCONT') }
}

/** What clients are told before, during and after an outage under load. */
async function outage(t: Test, engine: Engine, server: Server, { begin, end }: Outage): Promise<void> {
  const spec = engine.newStore()
  const replica = await startReplica(t, spec, OPTIONS)
  const load = putUnderLoad(replica)
  const { journal } = load
  await load.acknowledged(200)
  const beginning = performance.now()
  await begin(server)
  const down = performance.now()
  await sleep(DOWN_MS)
  const coming = performance.now()
  await end(server)
  await t.resolves(load.acknowledged(100), 'it serves again by itself')
  await load.end()

  const before = journal.endings.filter(({ ended }) => ended < beginning)
  const during = journal.endings.filter(({ began, ended }) => began > down && ended < coming)
  t.strictSame(statuses(before), [200], 'all is well before')
  t.strictSame(statuses(during), [503], `${during.length} answers while it is down`)
  t.strictSame(
    statuses(journal.endings).filter((status) => status !== 200 && status !== 503),
    [],
    'nothing else is ever said'
  )
  const atEndpoints = ({ what, status }: Ending) => status === 503 && (what === 'refresh' || what === 'revoke')
  t.ok(journal.endings.some(atEndpoints), 'endpoints have answered 503')
  t.ok(
    journal.endings.filter(atEndpoints).every(({ retryAfter }) => retryAfter === '5'),
    'they say when to come back'
  )
  const longest = Math.max(...journal.endings.map(({ began, ended }) => ended - began))
  t.ok(longest < STORE_TIMEOUT * 1000 + SLACK_MS, `the longest answer took ${Math.round(longest)} ms`)

  t.ok(replica.isAlive(), 'it has not crashed')
  const store = await openStore(spec)
  t.teardown(() => store.close())
  t.strictSame(await brokenPromises(store, journal), [], 'broken promises')
  t.strictSame(await surprises(replica, journal), [], 'surprises')
}

for (const [name, start] of Object.entries(DURABLE_SERVERS)) {
  t.test(name, async (t) => {
    const engine = await start(t)
    if (engine?.server === undefined) return
    const { server } = engine
    for (const [what, how] of Object.entries(OUTAGES)) {
      if (what === 'hangs' && server.signal === undefined) continue
      await t.test(`a server that ${what} under load and returns: 503 in bounded time, no promise is broken`, (t) =>
        outage(t, engine, server, how)
      )
    }
  })
}
