import type { Test } from 'tap'
import { testCounting } from './conformance/counting.ts'
import { testInsertion } from './conformance/insertion.ts'
import { testKeeping } from './conformance/keeping.ts'
import { testAgainstModel } from './conformance/model.ts'
import { testPruning } from './conformance/pruning.ts'
import { testRaces } from './conformance/races.ts'
import { testRevocation } from './conformance/revocation.ts'
import { testRotation } from './conformance/rotation.ts'
import type { CreateStore } from './conformance/tokens.ts'

/**
 * The contract of lib/oauth/store.ts as tests; every store runs them unchanged.
 *
 * @param createStore makes a store that is empty and shares nothing with those made before; the tests close it
 */
export function testStore(t: Test, name: string, createStore: CreateStore): Promise<unknown> {
  return t.test(name, async (t) => {
    await testInsertion(t, createStore)
    await testRotation(t, createStore)
    await testRevocation(t, createStore)
    await testRaces(t, createStore)
    await testCounting(t, createStore)
    await testPruning(t, createStore)
    await testKeeping(t, createStore)
    await testAgainstModel(t, createStore)
  })
}
