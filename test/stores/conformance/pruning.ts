import type { Test } from 'tap'
import { accessToken, type CreateStore, insertEach, NOW, openStore, refreshToken, rotate, sorted } from './tokens.ts'

/** `prune`, and time. */
export async function testPruning(t: Test, createStore: CreateStore): Promise<void> {
  await t.test('prune: counts each expired token once, and forgets it', async (t) => {
    const store = await openStore(t, createStore)
    const [first, second, third] = [
      accessToken({ expiresAt: NOW + 10 }),
      refreshToken({ expiresAt: NOW + 10 }),
      accessToken({ expiresAt: NOW + 20, clientId: 'app' })
    ]
    await insertEach(store, [first, second, third])
    t.strictSame(await store.prune(NOW + 9.75), [])
    t.strictSame(await store.find(first.id), first)
    t.strictSame(sorted(await store.prune(NOW + 10)), ['web access 1', 'web refresh 1'])
    t.strictSame(await store.prune(NOW + 10), [])
    t.equal(await store.find(first.id), undefined)
    t.equal(await store.find(second.id), undefined)
    t.strictSame(await store.find(third.id), third)
    t.strictSame(sorted(await store.prune(NOW + 1000)), ['app access 1'])
  })

  await t.test('prune: parallel calls count each token once', async (t) => {
    const store = await openStore(t, createStore)
    await insertEach(
      store,
      Array.from({ length: 20 }, (_, index) => accessToken({ expiresAt: NOW + 1 + (index % 5) }))
    )
    const counts = await Promise.all(Array.from({ length: 8 }, () => store.prune(NOW + 10)))
    t.equal(
      counts.flat().reduce((sum, { count }) => sum + count, 0),
      20
    )
  })

  await t.test('prune: only prune forgets; an expired token is found until then', async (t) => {
    const store = await openStore(t, createStore)
    const token = refreshToken({ expiresAt: NOW + 10 })
    await store.insert([token])
    await store.countLive(NOW + 20)
    t.strictSame(await store.revoke({ family: token.family }, NOW + 20, 'admin'), [], 'nothing of it was alive')
    t.strictSame(await store.revoke({ id: token.id }, NOW + 20, 'admin'), [])
    t.strictSame(await store.find(token.id), token)
    t.strictSame(sorted(await store.prune(NOW + 20)), ['web refresh 1'], 'and it is counted although others looked')
    t.equal(await store.find(token.id), undefined)
  })

  await t.test('prune: spent and revoked tokens are found until they expire, and are not counted', async (t) => {
    const store = await openStore(t, createStore)
    const [spent, revoked] = [refreshToken({ expiresAt: NOW + 10 }), refreshToken({ expiresAt: NOW + 10 })]
    await insertEach(store, [spent, revoked])
    await rotate(store, spent, NOW + 1)
    await store.revoke({ id: revoked.id }, NOW + 1, 'logout')
    t.strictSame(await store.prune(NOW + 9), [])
    t.not((await store.find(spent.id))?.spent, undefined)
    t.equal((await store.find(revoked.id))?.revokedAt, NOW + 1)
    t.strictSame(await store.prune(NOW + 10), [])
    t.equal(await store.find(spent.id), undefined)
    t.equal(await store.find(revoked.id), undefined)
  })

  await t.test('time running backwards revives nothing', async (t) => {
    const store = await openStore(t, createStore)
    const [expired, spent, revoked] = [refreshToken({ expiresAt: NOW + 10 }), refreshToken(), refreshToken()]
    await insertEach(store, [expired, spent, revoked])
    await rotate(store, spent, NOW + 5)
    await store.revoke({ id: revoked.id }, NOW + 5, 'logout')
    await store.prune(NOW + 10)
    const back = NOW - 3600
    t.strictSame(sorted(await store.countLive(back)), ['web access 1', 'web refresh 1'], 'the successors are alive')
    for (const token of [expired, spent, revoked]) {
      t.equal((await rotate(store, token, back)).rotation.won, false)
      t.strictSame(await store.revoke({ id: token.id }, back, 'admin'), [])
    }
    t.strictSame(await store.prune(back), [])
    t.equal((await store.find(spent.id))?.spent?.at, NOW + 5)
    t.equal((await store.find(revoked.id))?.revokedAt, NOW + 5)
    t.equal(await store.find(expired.id), undefined)
    t.strictSame(sorted(await store.revoke({ clientId: 'web' }, back, 'admin')), ['web access 1', 'web refresh 1'])
    t.strictSame(sorted(await store.countLive(NOW + 10)), [], 'what was revoked then is dead when time has caught up')
  })
}
