import type { Test } from 'tap'
import { type CreateStore, openStore } from './tokens.ts'

/** `keep`. */
export async function testKeeping(t: Test, createStore: CreateStore): Promise<void> {
  await t.test('keep: the first value stays, and each name has its own', async (t) => {
    const store = await openStore(t, createStore)
    const odd = 'älice\u2603 \'";--\n{}'
    t.equal(await store.keep('one', odd), odd)
    t.equal(await store.keep('two', 'second'), 'second')
    t.equal(await store.keep('one', 'later'), odd)
    t.equal(await store.keep('two', 'later'), 'second')
    t.equal(await store.keep('__proto__', 'third'), 'third')
  })

  await t.test('keep: all parallel calls resolve to one value', async (t) => {
    const store = await openStore(t, createStore)
    const values = await Promise.all(Array.from({ length: 20 }, (_, index) => store.keep('key', `value ${index}`)))
    t.equal(new Set(values).size, 1)
    t.match(values[0], /^value \d+$/)
  })
}
