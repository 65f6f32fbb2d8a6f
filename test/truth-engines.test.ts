import t from 'tap'
import { openStore } from './support/open-store.ts'
import { ENGINES } from './support/stores.ts'
import { testTruth } from './support/truth/history.ts'

/** In each of the histories; as many as take a few seconds. */
const STEPS = Number(process.env.TRUTH_STEPS ?? 1000)

t.setTimeout(280_000)

for (const [name, start] of Object.entries(ENGINES)) {
  t.test(`truth: ${name}, its server closed and started again now and then`, async (t) => {
    const engine = await start(t)
    if (engine === undefined) return
    await testTruth(t, STEPS, () => {
      const spec = engine.newStore()
      return () => openStore(spec)
    })
  })
}
