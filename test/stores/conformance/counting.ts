import type { Test } from 'tap'
import { accessToken, type CreateStore, insertEach, NOW, openStore, refreshToken, rotate, sorted } from './tokens.ts'

/** `countLive`. */
export async function testCounting(t: Test, createStore: CreateStore): Promise<void> {
  await t.test('countLive: an empty store has nothing alive', async (t) => {
    const store = await openStore(t, createStore)
    t.strictSame(sorted(await store.countLive(NOW)), [])
  })

  await t.test('countLive: exact through insertion, rotation, revocation and expiry', async (t) => {
    const store = await openStore(t, createStore)
    const refresh = refreshToken({ expiresAt: NOW + 100 })
    const app = accessToken({ clientId: 'app', subject: undefined, expiresAt: NOW + 10 })
    await store.insert([refresh, accessToken({ family: refresh.family, expiresAt: NOW + 20 })])
    await store.insert([app])
    t.strictSame(sorted(await store.countLive(NOW)), ['app access 1', 'web access 1', 'web refresh 1'])

    await rotate(store, refresh, NOW + 1)
    t.strictSame(sorted(await store.countLive(NOW + 1)), ['app access 1', 'web access 2', 'web refresh 1'])

    t.strictSame(sorted(await store.countLive(NOW + 9.75)), ['app access 1', 'web access 2', 'web refresh 1'])
    t.strictSame(sorted(await store.countLive(NOW + 10)), ['web access 2', 'web refresh 1'])
    t.strictSame(sorted(await store.countLive(NOW + 20.25)), ['web access 1', 'web refresh 1'])

    await store.revoke({ family: refresh.family }, NOW + 21, 'logout')
    t.strictSame(sorted(await store.countLive(NOW + 21)), [])
  })

  await t.test('countLive: asking changes nothing, and neither does pruning', async (t) => {
    const store = await openStore(t, createStore)
    await insertEach(store, [accessToken({ expiresAt: NOW + 10 }), refreshToken()])
    for (const at of [NOW, NOW + 1, NOW + 1]) {
      t.strictSame(sorted(await store.countLive(at)), ['web access 1', 'web refresh 1'])
    }
    await store.prune(NOW + 2)
    t.strictSame(sorted(await store.countLive(NOW + 2)), ['web access 1', 'web refresh 1'])
    await store.prune(NOW + 10)
    t.strictSame(sorted(await store.countLive(NOW + 10)), ['web refresh 1'])
  })

  await t.test('countLive: after a long silence nothing is missed', async (t) => {
    const store = await openStore(t, createStore)
    const lifetimes = [1, 60, 3_600, 86_400, 30 * 86_400]
    await insertEach(
      store,
      lifetimes.map((lifetime) => accessToken({ expiresAt: NOW + lifetime }))
    )
    t.strictSame(sorted(await store.countLive(NOW)), ['web access 5'])
    t.strictSame(sorted(await store.countLive(NOW + 2 * 86_400)), ['web access 1'])
    t.strictSame(sorted(await store.countLive(NOW + 90 * 86_400)), [])
  })

  await t.test('countLive: clients whose names are odd are counted apart', async (t) => {
    const store = await openStore(t, createStore)
    for (const clientId of ['__proto__', 'constructor', 'a b', 'a:b', "a'b"]) {
      await store.insert([accessToken({ clientId })])
    }
    t.strictSame(sorted(await store.countLive(NOW)), [
      '__proto__ access 1',
      'a b access 1',
      "a'b access 1",
      'a:b access 1',
      'constructor access 1'
    ])
  })
}
