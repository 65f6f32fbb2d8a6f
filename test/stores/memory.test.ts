import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { MemoryStore } from '../../lib/index.ts'
import { accessToken, NOW, refreshToken, rotate, sorted, succession } from './conformance/tokens.ts'
import { testStore } from './conformance.ts'

await testStore(t, 'MemoryStore', async () => new MemoryStore())

t.test('what an operation costs does not grow with the tokens of others: no scan', async (t) => {
  const worker = new Worker(new URL('memory-steps.ts', import.meta.url), { workerData: { few: 100, many: 100_000 } })
  t.teardown(() => worker.terminate())
  const { few, many } = await new Promise<Record<'few' | 'many', Record<string, number>>>((resolve, reject) => {
    worker.once('message', resolve).once('error', reject)
  })
  for (const [operation, steps] of Object.entries(few)) {
    const more = many[operation] ?? Number.NaN
    t.ok(steps > 0 && steps < 200, `${operation} with a hundred other tokens: ${steps} steps`)
    t.ok(more <= steps, `and with a hundred thousand: ${more}, fewer only where the engine has optimised`)
  }
  t.ok((few.revokeAgain ?? 0) < (few.revoke ?? 0), 'a repeated revocation walks through nothing')
})

t.test('a token seen expired stays dead when the clock goes back, before it is forgotten', async (t) => {
  const store = new MemoryStore()
  const token = refreshToken({ expiresAt: NOW + 10 })
  await store.insert([token])
  t.strictSame(sorted(await store.countLive(NOW + 10)), [])
  t.equal((await rotate(store, token, NOW)).rotation.won, false)
  t.strictSame(await store.revoke({ id: token.id }, NOW, 'admin'), [])
  t.strictSame(await store.revoke({ family: token.family }, NOW, 'admin'), [])
  t.strictSame(await store.countLive(NOW), [
    { clientId: 'web', type: 'access', count: 0 },
    { clientId: 'web', type: 'refresh', count: 0 }
  ])
  t.strictSame(sorted(await store.prune(NOW)), ['web refresh 1'], 'it has been counted as expired, once')
  t.strictSame(await store.prune(NOW + 10), [])
})

t.test('bounded memory: tokens leave when they have expired, spent and revoked ones too', async (t) => {
  setFlagsFromString('--expose-gc')
  const collectGarbage: () => void = runInNewContext('gc')
  const store = new MemoryStore()
  const { held, spentId } = await fillWeakly(store)
  const alive = async () => {
    await nextTurn()
    collectGarbage()
    return held.filter((reference) => reference.deref() !== undefined).length
  }

  const { access, refresh, ...into } = succession(refreshToken({ id: spentId }), NOW + 1)
  const expiresAt = NOW + 10
  await store.rotate(spentId, 'web', { ...into, access: { ...access, expiresAt }, refresh: { ...refresh, expiresAt } })
  await store.revoke({ subject: 'bob' }, NOW + 1, 'admin')
  await store.prune(NOW + 9)
  t.equal(await alive(), held.length, 'until they expire they are kept: a reuse must be seen')
  await store.prune(NOW + 10)
  t.equal(await alive(), 0, 'then nothing of them is left')
})

/** Tokens that nothing but the store holds on to, and references to their scope that tell whether it does. */
async function fillWeakly(store: MemoryStore): Promise<{ held: WeakRef<readonly string[]>[]; spentId: string }> {
  const held: WeakRef<readonly string[]>[] = []
  const create = (subject: string) => {
    const scope = [`orders:${held.length}`]
    held.push(new WeakRef(scope))
    return refreshToken({ subject, scope, expiresAt: NOW + 10 })
  }
  const spent = create('alice')
  await store.insert([spent])
  for (let index = 0; index < 1000; index += 1) await store.insert([create(index % 2 === 0 ? 'alice' : 'bob')])
  return { held, spentId: spent.id }
}

t.test('bounded memory: the mark a revocation leaves is forgotten after five minutes', async (t) => {
  const store = new MemoryStore()
  for (const selector of [{ subject: 'alice' }, { clientId: 'web' }]) await store.revoke(selector, NOW, 'admin')
  const late = accessToken({ issuedAt: NOW - 1 })
  await store.prune(NOW + 300)
  t.equal(await store.insert([late]), false, 'until then a token minted meanwhile is caught')
  await store.prune(NOW + 301)
  t.equal(await store.insert([late]), true)
})
