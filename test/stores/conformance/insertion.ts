import type { Test } from 'tap'
import { accessToken, type CreateStore, insertEach, NOW, openStore, refreshToken, rotate, sorted } from './tokens.ts'

/** `insert` and `find`. */
export async function testInsertion(t: Test, createStore: CreateStore): Promise<void> {
  await t.test('insert: what is found is what was inserted, fractions of seconds included', async (t) => {
    const store = await openStore(t, createStore)
    const access = accessToken({
      issuedAt: NOW + 0.25,
      subject: undefined,
      scope: [],
      audience: 'https://a.example',
      trace: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    })
    const refresh = refreshToken({ subject: 'älice\u2603 \'";--', scope: ['orders:read', 'orders:write'] })
    t.equal(await store.insert([access]), true)
    t.equal(await store.insert([refresh]), true)
    t.strictSame(await store.find(access.id), access)
    t.strictSame(await store.find(refresh.id), refresh)
  })

  await t.test('insert: nothing at all is no error', async (t) => {
    const store = await openStore(t, createStore)
    t.equal(await store.insert([]), true)
    t.strictSame(sorted(await store.countLive(NOW)), [])
  })

  await t.test('find: an unknown id has no token', async (t) => {
    const store = await openStore(t, createStore)
    await store.insert([accessToken()])
    for (const id of ['', 'nobody', '__proto__', 'constructor']) t.equal(await store.find(id), undefined)
  })

  await t.test('find: what has been found does not change with the token', async (t) => {
    const store = await openStore(t, createStore)
    const [spent, revoked] = [refreshToken(), refreshToken({ subject: 'bob' })]
    await insertEach(store, [spent, revoked])
    const before = [await store.find(spent.id), await store.find(revoked.id)]
    await rotate(store, spent, NOW + 1)
    await store.revoke({ id: revoked.id }, NOW + 1, 'logout')
    t.strictSame(before, [spent, revoked])
  })

  for (const owner of [{ subject: 'alice' }, { clientId: 'web' }]) {
    const [kind] = Object.keys(owner)

    await t.test(`insert: a token whose ${kind} was revoked after its issuedAt never lives`, async (t) => {
      const store = await openStore(t, createStore)
      t.strictSame(await store.revoke(owner, NOW + 0.5, 'admin'), [])
      const late = [accessToken({ issuedAt: NOW }), refreshToken({ issuedAt: NOW + 0.25 })]
      for (const token of late) {
        t.equal(await store.insert([token]), false)
        t.equal(await store.find(token.id), undefined)
      }
      t.strictSame(sorted(await store.countLive(NOW + 1)), [])
    })

    await t.test(`insert: a token issued when its ${kind} was revoked, or after, lives`, async (t) => {
      const store = await openStore(t, createStore)
      await store.revoke(owner, NOW + 0.5, 'admin')
      t.equal(await store.insert([accessToken({ issuedAt: NOW + 0.5 })]), true)
      t.equal(await store.insert([accessToken({ issuedAt: NOW + 0.75 })]), true)
      t.strictSame(sorted(await store.countLive(NOW + 1)), ['web access 2'])
    })

    await t.test(`insert: the latest revocation of a ${kind} counts, also when the clock went back`, async (t) => {
      const store = await openStore(t, createStore)
      await store.revoke(owner, NOW + 10, 'admin')
      await store.revoke(owner, NOW, 'admin')
      t.equal(await store.insert([accessToken({ issuedAt: NOW + 5 })]), false)
    })
  }

  await t.test('insert: one refused token refuses all, and nothing is written', async (t) => {
    const store = await openStore(t, createStore)
    await store.revoke({ subject: 'alice' }, NOW + 1, 'admin')
    const caught = accessToken()
    const free = accessToken({ family: caught.family, issuedAt: NOW + 2 })
    t.equal(await store.insert([free, caught]), false)
    t.equal(await store.insert([caught, free]), false)
    t.equal(await store.find(free.id), undefined)
    t.strictSame(sorted(await store.countLive(NOW + 1)), [])
    t.equal(await store.insert([free]), true, 'and alone the other lives')
  })

  await t.test('insert: a subject and a client of the same name are two', async (t) => {
    const store = await openStore(t, createStore)
    await store.revoke({ subject: 'web' }, NOW + 1, 'admin')
    await store.revoke({ clientId: 'alice' }, NOW + 1, 'admin')
    t.equal(await store.insert([accessToken({ clientId: 'web', subject: 'alice' })]), true)
  })
}
