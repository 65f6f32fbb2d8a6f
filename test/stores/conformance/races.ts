import type { Test } from 'tap'
import type { Selector, StoredToken } from '../../../lib/index.ts'
import { accessToken, type CreateStore, NOW, openStore, refreshToken, rotate, sorted } from './tokens.ts'

const ROUNDS = 20

const SELECTORS: Readonly<Record<string, (token: StoredToken) => Selector>> = {
  family: ({ family }) => ({ family }),
  subject: () => ({ subject: 'alice' }),
  client: () => ({ clientId: 'web' })
}

const sum = (counts: readonly { count: number }[]): number => counts.reduce((total, { count }) => total + count, 0)

/** Runs two things at once, and in turns begins the one or the other first. */
async function race<A, B>(round: number, a: () => Promise<A>, b: () => Promise<B>): Promise<[A, B]> {
  if (round % 2 === 0) return Promise.all([a(), b()])
  const second = b()
  return [await a(), await second]
}

/** What happens at once. */
export async function testRaces(t: Test, createStore: CreateStore): Promise<void> {
  for (const [name, selectorOf] of Object.entries(SELECTORS)) {
    await t.test(`rotate racing the revocation of its ${name} leaves nothing alive`, async (t) => {
      const store = await openStore(t, createStore)
      for (let round = 0; round < ROUNDS; round += 1) {
        const at = NOW + round
        const token = refreshToken({ issuedAt: at })
        await store.insert([token])
        const [attempts, counts] = await race(
          round,
          () => Promise.all(Array.from({ length: 5 }, () => rotate(store, token, at + 0.25))),
          () => store.revoke(selectorOf(token), at + 0.5, 'admin')
        )
        const winners = attempts.filter(({ rotation }) => rotation.won)
        t.equal(sum(counts), winners.length === 1 ? 2 : 1, 'counted is what was alive: the token, or its successors')
        t.strictSame(sorted(await store.countLive(at + 0.5)), [])
        for (const { access, refresh } of winners) {
          t.equal((await store.find(access.id))?.revokedAt, at + 0.5)
          t.equal((await store.find(refresh.id))?.revokedAt, at + 0.5)
        }
      }
    })
  }

  await t.test('rotate racing the revocation of the very token: one of them finds it alive', async (t) => {
    const store = await openStore(t, createStore)
    for (let round = 0; round < ROUNDS; round += 1) {
      const token = refreshToken()
      await store.insert([token])
      const [{ rotation, refresh }, counts] = await race(
        round,
        () => rotate(store, token, NOW),
        () => store.revoke({ id: token.id }, NOW, 'client_request')
      )
      t.equal(rotation.won, counts.length === 0)
      t.equal((await store.find(refresh.id)) !== undefined, rotation.won)
    }
  })

  for (const selector of [{ subject: 'alice' }, { clientId: 'web' }]) {
    await t.test(`insert racing the revocation of its ${Object.keys(selector)} leaves nothing alive`, async (t) => {
      const store = await openStore(t, createStore)
      for (let round = 0; round < ROUNDS; round += 1) {
        const at = NOW + round
        const access = accessToken({ issuedAt: at })
        const tokens = [access, refreshToken({ family: access.family, issuedAt: at })]
        const [inserted, counts] = await race(
          round,
          () => store.insert(tokens),
          () => store.revoke(selector, at + 0.5, 'admin')
        )
        t.equal(sum(counts), inserted ? 2 : 0)
        t.strictSame(sorted(await store.countLive(at + 0.5)), [])
      }
    })
  }

  await t.test('a hundred families at once, each rotated by several: one successor each', async (t) => {
    const store = await openStore(t, createStore)
    const families = Array.from({ length: 100 }, (_, index) => refreshToken({ subject: `user-${index}` }))
    await Promise.all(families.map((token) => store.insert([token])))
    const attempts = await Promise.all(
      [...families, ...families, ...families].map((token) => rotate(store, token, NOW + 1))
    )
    t.equal(attempts.filter(({ rotation }) => rotation.won).length, 100)
    t.strictSame(sorted(await store.countLive(NOW + 1)), ['web access 100', 'web refresh 100'])
  })
}
