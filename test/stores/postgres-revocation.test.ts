import t from 'tap'
import type { Selector, StoredToken } from '../../lib/index.ts'
import { newTokenId } from '../../lib/oauth/tokens/token-id.ts'
import { type PostgresPool, PostgresStore } from '../../lib/stores/postgres.ts'
import { startPostgres } from '../support/postgres.ts'
import { accessToken, NOW, refreshToken, rotate, sorted } from './conformance/tokens.ts'

/** More than a revocation ends in one transaction, and than in two. */
const MANY = 2_100

/** A pool that lets something happen after the first transaction of a revocation. */
function pausing(pool: PostgresPool, afterFirst: () => Promise<void>): PostgresPool {
  let revocations = 0
  return {
    async query(text, values) {
      const answer = await pool.query(text, values)
      if (text.includes('revoke_tokens')) revocations += 1
      if (text.includes('revoke_tokens') && revocations === 1) await afterFirst()
      return answer
    },
    on: (event, listener) => pool.on(event, listener),
    removeListener: (event, listener) => pool.removeListener(event, listener)
  }
}

const postgres = await startPostgres(t)

if (postgres !== undefined) {
  const pool = postgres.createPool()
  const store = new PostgresStore({ pool })
  t.teardown(() => store.close())
  await store.migrate()

  const family = newTokenId(NOW)
  const CASES: Readonly<Record<string, { selector: Selector; of: Partial<StoredToken> }>> = {
    client: { selector: { clientId: 'many' }, of: { clientId: 'many' } },
    subject: { selector: { subject: 'everybody' }, of: { clientId: 'other', subject: 'everybody' } },
    family: { selector: { family }, of: { clientId: 'third', family } }
  }
  for (const [name, { selector, of }] of Object.entries(CASES)) {
    t.test(`a ${name} with thousands of tokens: none is rotated once its revocation began`, async (t) => {
      const tokens = Array.from({ length: MANY }, () => refreshToken(of))
      for (let start = 0; start < MANY; start += 700) await store.insert(tokens.slice(start, start + 700))
      const skewed = refreshToken({ ...of, issuedAt: NOW + 2 })
      const login = refreshToken({ ...of, issuedAt: NOW + 1.5 })
      const minted = accessToken({ ...of, issuedAt: NOW + 0.5 })
      await store.insert([skewed])

      let left: StoredToken[] = []
      const afterFirst = async () => {
        const found = await Promise.all(tokens.map(({ id }) => store.find(id)))
        left = found.filter((token) => token !== undefined).filter(({ revokedAt }) => revokedAt === undefined)
        for (const token of left.slice(0, 20)) {
          const { rotation, access, refresh } = await rotate(store, token, NOW + 1.25)
          t.strictSame(rotation, { won: false, token: { ...token, revokedAt: NOW + 1 } })
          for (const { id } of [access, refresh]) t.equal(await store.find(id), undefined)
        }
        t.equal((await store.find(skewed.id))?.revokedAt, NOW + 1, 'what was there, though its clock is ahead, is dead')
        t.equal(await store.insert([minted]), false, 'what was being minted never lives')
        t.equal(await store.insert([login]), true, 'who logs in afterwards may')
      }
      const revoking = new PostgresStore({ pool: pausing(pool, afterFirst) })
      t.teardown(() => revoking.close())
      t.strictSame(sorted(await revoking.revoke(selector, NOW + 1, 'admin')), [`${of.clientId} refresh ${MANY + 1}`])

      t.equal(left.length, MANY - 1000, 'after one of three transactions')
      for (const { id } of left) t.equal((await store.find(id))?.revokedAt, NOW + 1)
      t.strictSame(await store.find(login.id), login, 'and stays')
      t.strictSame(
        sorted(await store.countLive(NOW + 2)).filter((count) => count.startsWith(String(of.clientId))),
        [`${of.clientId} refresh 1`]
      )
      t.equal((await rotate(store, login, NOW + 2)).rotation.won, true)
    })
  }
}
