import t from 'tap'
import { MemoryStore } from '../lib/index.ts'
import { testTruth } from './support/truth/history.ts'

const STEPS = 10_000

t.setTimeout(280_000)

t.test('truth: MemoryStore', (t) =>
  testTruth(t, STEPS, () => {
    const store = new MemoryStore()
    return async () => store
  })
)
