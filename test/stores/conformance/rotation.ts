import type { Test } from 'tap'
import {
  accessToken,
  type CreateStore,
  insertEach,
  NOW,
  openStore,
  refreshToken,
  rotate,
  sorted,
  succession
} from './tokens.ts'

const PARALLEL = 50

/** `rotate`. */
export async function testRotation(t: Test, createStore: CreateStore): Promise<void> {
  await t.test('rotate: spends the token, and its successors have from it what they are not given', async (t) => {
    const store = await openStore(t, createStore)
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const owner = {
      family: 'of an \u{1F600} "app"\\',
      subject: 'älice\u2603 \'";--',
      scope: ['a', 'b'],
      audience: 'https://a.example'
    }
    const token = refreshToken({ ...owner, trace, familyExpiresAt: NOW + 700_000 })
    await store.insert([token])
    const { access, refresh } = succession(token, NOW + 1.5)
    const into = { at: NOW + 1.5, trace: undefined, access, refresh, receipt: 'c2VhbGVk' }
    t.strictSame(await store.rotate(token.id, 'web', into), { won: true, token }, 'the winner learns what it was')
    const spent = { at: NOW + 1.5, successor: refresh.id, trace: undefined, receipt: 'c2VhbGVk' }
    t.strictSame(await store.find(token.id), { ...token, spent })
    const inherited = {
      ...owner,
      clientId: 'web',
      issuedAt: NOW + 1.5,
      familyExpiresAt: NOW + 700_000,
      trace: undefined
    }
    const alive = { spent: undefined, revokedAt: undefined }
    t.strictSame(await store.find(access.id), {
      id: access.id,
      type: 'access',
      ...inherited,
      expiresAt: NOW + 3601,
      ...alive
    })
    t.strictSame(await store.find(refresh.id), {
      id: refresh.id,
      type: 'refresh',
      ...inherited,
      expiresAt: NOW + 86_401,
      ...alive
    })
    t.strictSame(sorted(await store.countLive(NOW + 2)), ['web access 1', 'web refresh 1'])
  })

  await t.test('rotate: the access token may do less, the refresh token keeps all', async (t) => {
    const store = await openStore(t, createStore)
    const token = refreshToken({ scope: ['a', 'b'], audience: 'https://a.example', subject: undefined })
    await store.insert([token])
    const given = succession(token, NOW + 1)
    const trace = '00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01'
    const terms = { scope: [], audience: 'https://b.example' }
    const into = { ...given, trace, access: { ...given.access, terms } }
    t.strictSame(await store.rotate(token.id, 'web', into), { won: true, token })
    t.match(await store.find(into.access.id), { ...terms, trace, subject: undefined, family: token.family })
    t.strictSame((await store.find(into.access.id))?.scope, [])
    t.match(await store.find(into.refresh.id), { scope: token.scope, audience: token.audience, trace })
    t.match((await store.find(token.id))?.spent, { trace })
  })

  await t.test('rotate: no refresh token outlives its family', async (t) => {
    const store = await openStore(t, createStore)
    const token = refreshToken({ familyExpiresAt: NOW + 86_400 })
    await store.insert([token])
    const { access, refresh } = await rotate(store, token, NOW + 1)
    t.match(await store.find(refresh.id), { expiresAt: NOW + 86_400, familyExpiresAt: NOW + 86_400 })
    t.match(await store.find(access.id), { expiresAt: NOW + 3601, familyExpiresAt: NOW + 86_400 })
  })

  await t.test(
    'rotate: what succeeds a token is not older, so no revocation before the token catches it',
    async (t) => {
      const store = await openStore(t, createStore)
      await store.revoke({ subject: 'alice' }, NOW + 2, 'admin')
      const token = refreshToken({ issuedAt: NOW + 2.5 })
      await store.insert([token])
      const { access, refresh } = await rotate(store, token, NOW + 1)
      t.match(await store.find(token.id), { spent: { at: NOW + 1 } }, 'by a clock that lags')
      for (const { id } of [access, refresh]) t.match(await store.find(id), { issuedAt: NOW + 2.5 })
      t.equal((await rotate(store, refresh, NOW + 3)).rotation.won, true)
    }
  )

  await t.test('rotate: a token of another client, or of another type, loses and stays as it is', async (t) => {
    const store = await openStore(t, createStore)
    const [refresh, access] = [refreshToken(), accessToken()]
    await insertEach(store, [refresh, access])
    for (const [token, clientId] of [
      [refresh, 'app'],
      [access, 'web']
    ] as const) {
      const into = succession(token, NOW + 1)
      t.strictSame(await store.rotate(token.id, clientId, into), { won: false, token })
      t.strictSame(await store.find(token.id), token)
      for (const { id } of [into.access, into.refresh]) t.equal(await store.find(id), undefined)
    }
    t.strictSame(sorted(await store.countLive(NOW + 1)), ['web access 1', 'web refresh 1'])
  })

  await t.test(`rotate: of ${PARALLEL} parallel attempts one wins, and the others learn of its spending`, async (t) => {
    const store = await openStore(t, createStore)
    const token = refreshToken()
    await store.insert([token])
    const attempts = await Promise.all(
      Array.from({ length: PARALLEL }, (_, index) => rotate(store, token, NOW + index / 64))
    )
    const winners = attempts.filter(({ rotation }) => rotation.won)
    t.equal(winners.length, 1, 'exactly one wins')
    const winner = winners[0]?.refresh.id
    for (const { rotation, access, refresh } of attempts) {
      if (rotation.won) continue
      t.equal(rotation.token?.id, token.id)
      t.equal(rotation.token?.spent?.successor, winner)
      t.equal(await store.find(access.id), undefined)
      t.equal(await store.find(refresh.id), undefined)
    }
    t.equal((await store.find(token.id))?.spent?.successor, winner)
    t.strictSame(sorted(await store.countLive(NOW + 1)), ['web access 1', 'web refresh 1'])
  })

  await t.test('rotate: of a whole family only the last is alive', async (t) => {
    const store = await openStore(t, createStore)
    let token = refreshToken()
    const spent = []
    await store.insert([token])
    for (let generation = 1; generation <= 10; generation += 1) {
      const { rotation, refresh } = await rotate(store, token, NOW + generation)
      t.equal(rotation.won, true)
      spent.push(token)
      token = refresh
    }
    t.strictSame(sorted(await store.countLive(NOW + 11)), ['web access 10', 'web refresh 1'])
    for (const { id } of spent) t.not((await store.find(id))?.spent, undefined)
    const again = await rotate(store, spent[0] ?? token, NOW + 11)
    t.equal(again.rotation.won, false, 'the first cannot be spent again')
  })

  await t.test('rotate: an unknown token loses, and nobody knows why', async (t) => {
    const store = await openStore(t, createStore)
    const { rotation, refresh } = await rotate(store, refreshToken(), NOW)
    t.strictSame(rotation, { won: false, token: undefined })
    t.equal(await store.find(refresh.id), undefined)
  })

  await t.test('rotate: a token loses from the second it expires in', async (t) => {
    const store = await openStore(t, createStore)
    const [late, just] = [refreshToken({ expiresAt: NOW + 10 }), refreshToken({ expiresAt: NOW + 10 })]
    await insertEach(store, [late, just])
    const lost = await rotate(store, late, NOW + 10)
    t.strictSame(lost.rotation, { won: false, token: late })
    t.equal(await store.find(lost.refresh.id), undefined)
    t.equal((await rotate(store, just, NOW + 9.75)).rotation.won, true, 'and wins until then')
  })

  for (const selectorOf of [
    ({ id }: { id: string }) => ({ id }),
    ({ family }: { family: string }) => ({ family }),
    () => ({ subject: 'alice' }),
    () => ({ clientId: 'web' })
  ]) {
    const token = refreshToken()
    const selector = selectorOf(token)
    await t.test(`rotate: a token revoked by ${Object.keys(selector)} loses, and its state says so`, async (t) => {
      const store = await openStore(t, createStore)
      await store.insert([token])
      await store.revoke(selector, NOW + 1, 'admin')
      const { rotation, refresh } = await rotate(store, token, NOW + 2)
      t.strictSame(rotation, { won: false, token: { ...token, revokedAt: NOW + 1 } })
      t.equal(await store.find(refresh.id), undefined)
      t.strictSame(sorted(await store.countLive(NOW + 2)), [])
    })
  }
}
