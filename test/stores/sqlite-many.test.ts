import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import type { StoredToken, TokenCount, TokenStore } from '../../lib/index.ts'
import { Walks } from '../../lib/stores/sqlite/walks.ts'
import { SqliteStore } from '../../lib/stores/sqlite.ts'
import { newPath, openStore } from '../support/sqlite.ts'
import { accessToken, NOW, refreshToken, rotate, sorted } from './conformance/tokens.ts'

/** More than die, are forgotten or are counted in one step. */
const MANY = 1200

const sum = (counts: readonly TokenCount[]): number => counts.reduce((total, { count }) => total + count, 0)

async function insertMany(store: TokenStore, create: (index: number) => StoredToken): Promise<StoredToken[]> {
  const tokens = Array.from({ length: MANY }, (_, index) => create(index))
  await Promise.all(tokens.map((token) => store.insert([token])))
  return tokens
}

for (const [kind, owner] of Object.entries({
  subject: { subject: 'alice' },
  client: { clientId: 'web' },
  family: { family: 'f1' }
})) {
  t.test(`the revocation of a ${kind} with many tokens: none can be spent from its beginning on`, async (t) => {
    const path = await newPath(t)
    const [store, other] = [openStore(t, path), openStore(t, path)]
    const tokens = await insertMany(store, () => refreshToken({ family: 'f1' }))
    const last = tokens.at(-1) ?? refreshToken()
    const bystander = refreshToken({ clientId: 'app', subject: undefined })
    await store.insert([bystander])

    const revoking = store.revoke(owner, NOW + 1, 'admin')
    const racing = rotate(store, last, NOW + 2)
    const elsewhere = rotate(other, tokens.at(-2) ?? last, NOW + 2)
    const aside = rotate(store, bystander, NOW + 2)
    const unknown = rotate(store, refreshToken(), NOW + 2)
    const later = accessToken({ ...owner, issuedAt: NOW + 2 })
    const inserting = store.insert([later])

    t.strictSame(await revoking, [{ clientId: 'web', type: 'refresh', count: MANY }])
    const { rotation, refresh } = await racing
    t.strictSame(rotation, { won: false, token: { ...last, revokedAt: NOW + 1 } })
    t.equal(await store.find(refresh.id), undefined)
    t.equal((await elsewhere).rotation.won, false, 'nor by another process')
    t.equal((await aside).rotation.won, true, 'others are left alone')
    t.strictSame((await unknown).rotation, { won: false, token: undefined })
    t.equal(await inserting, true)
    t.strictSame(await store.find(later.id), later, 'what was issued after it lives')
    t.strictSame(sorted(await store.countLive(NOW + 2)), ['app access 1', 'app refresh 1', 'web access 1'])
    for (const { id } of [tokens[0] ?? last, last]) t.equal((await store.find(id))?.revokedAt, NOW + 1)
    t.strictSame(await store.revoke(owner, NOW + 1, 'admin'), [{ clientId: 'web', type: 'access', count: 1 }])
  })
}

t.test('a revocation of many tokens that was interrupted is finished by asking again', async (t) => {
  const path = await newPath(t)
  const first = new SqliteStore({ path })
  const tokens = await insertMany(first, () => refreshToken())
  const last = tokens.at(-1) ?? refreshToken()
  const interrupted = first.revoke({ subject: 'alice' }, NOW + 1, 'admin')
  await Promise.all([first.close(), t.rejects(interrupted, { message: 'The token database has been closed' })])

  const second = openStore(t, path)
  const left = sum(await second.countLive(NOW + 2))
  t.ok(left > 0 && left < MANY, `${left} of ${MANY} are left`)
  t.equal((await rotate(second, last, NOW + 2)).rotation.won, false, 'and cannot be spent')
  t.equal(sum(await second.revoke({ subject: 'alice' }, NOW + 3, 'admin')), left)
  t.strictSame(sorted(await second.countLive(NOW + 3)), [])
})

for (const owner of [{ family: 'f1' }, { subject: 'alice' }, { clientId: 'web' }]) {
  t.test(`a revocation of a ${Object.keys(owner)} that was interrupted is finished by a pruning`, async (t) => {
    const path = await newPath(t)
    const first = new SqliteStore({ path })
    const tokens = await insertMany(first, () => refreshToken({ family: 'f1', expiresAt: NOW + 100_000 }))
    const last = tokens.at(-1) ?? refreshToken()
    const interrupted = first.revoke(owner, NOW + 1, 'admin')
    await Promise.all([first.close(), t.rejects(interrupted)])
    const second = openStore(t, path)
    const late = refreshToken({ family: 'f1', issuedAt: NOW + 2, expiresAt: NOW + 100_000 })
    await second.insert([late])
    await second.prune(NOW + 3601)
    t.ok(sum(await second.countLive(NOW + 3601)) > 1, 'for an hour it may still be under way')
    t.strictSame(await second.prune(NOW + 3601.5), [])
    t.equal((await second.find(last.id))?.revokedAt, NOW + 3601.5)
    t.strictSame(sorted(await second.countLive(NOW + 3601.5)), ['web refresh 1'])
    t.equal((await rotate(second, late, NOW + 86_403)).rotation.won, true, 'who came later stays')
  })
}

t.test('a revocation that a pruning has ended before ends no other, begun since', async (t) => {
  const path = await newPath(t)
  const database = new DatabaseSync(path)
  t.teardown(() => database.close())
  await new SqliteStore({ path }).close()
  database.exec("INSERT INTO sqlite_sequence (name, seq) VALUES ('token', 7)")
  const walks = new Walks(database)
  const slow = walks.begin('subject', 'alice', NOW, 0)
  const helper = walks.abandoned(NOW + 1)
  if (helper === undefined) throw new Error('nobody sees the walk')
  t.strictSame({ ...helper }, { ...slow })
  walks.end(helper)
  const next = walks.begin('subject', 'bob', NOW + 2, 0)
  t.equal(next.id, slow.id, 'the id is used again')
  walks.end(slow)
  t.strictSame({ ...walks.abandoned(NOW + 3) }, { ...next })
  walks.end(next)
  t.equal(walks.abandoned(NOW + 3), undefined)
})

t.test('the mark a revocation leaves is forgotten after five minutes', async (t) => {
  const store = openStore(t, await newPath(t))
  for (const selector of [{ subject: 'alice' }, { clientId: 'web' }]) await store.revoke(selector, NOW, 'admin')
  const late = accessToken({ issuedAt: NOW - 1 })
  await store.prune(NOW + 300)
  t.equal(await store.insert([late]), false, 'until then a token minted meanwhile is caught')
  await store.prune(NOW + 301)
  t.equal(await store.insert([late]), true)
})

t.test('pruning many tokens lets others have their turn', async (t) => {
  const store = openStore(t, await newPath(t))
  await insertMany(store, () => accessToken({ expiresAt: NOW + 10 }))
  let isPruned = false
  const pruning = store.prune(NOW + 10).finally(() => {
    isPruned = true
  })
  t.equal(await store.insert([accessToken({ clientId: 'app' })]), true)
  t.equal(isPruned, false, 'a request is answered in the middle of it')
  t.strictSame(await pruning, [{ clientId: 'web', type: 'access', count: MANY }])
  t.strictSame(sorted(await store.countLive(NOW + 10)), ['app access 1'])
})

t.test('pruning by several processes counts each token once', async (t) => {
  const path = await newPath(t)
  const stores = Array.from({ length: 3 }, () => openStore(t, path))
  const [store = openStore(t, path)] = stores
  await insertMany(store, (index) => accessToken({ expiresAt: NOW + 1 + (index % 7) }))
  const counts = await Promise.all(stores.map((each) => each.prune(NOW + 10)))
  t.equal(sum(counts.flat()), MANY)
})

t.test('what was pruned before something went wrong is counted; the rest the next time', async (t) => {
  const path = await newPath(t)
  const first = new SqliteStore({ path })
  await insertMany(first, () => accessToken({ expiresAt: NOW + 10 }))
  const pruning = first.prune(NOW + 10)
  await first.close()
  const before = sum(await pruning)
  t.ok(before > 0 && before < MANY, `${before} of ${MANY} before`)
  t.equal(sum(await openStore(t, path).prune(NOW + 10)), MANY - before)
})

t.test('pruning that could not even begin is an error', async (t) => {
  const path = await newPath(t)
  const store = openStore(t, path)
  await store.insert([accessToken({ expiresAt: NOW + 10 })])
  const other = new DatabaseSync(path)
  other.exec('BEGIN IMMEDIATE')
  await t.rejects(store.prune(NOW + 10), { message: /has been held by another process for too long/ })
  other.close()
  t.equal(sum(await store.prune(NOW + 10)), 1)
})

t.test(
  'counting with many tokens yet to be pruned is exact, of one moment, and lets others have their turn',
  async (t) => {
    const store = openStore(t, await newPath(t))
    await insertMany(store, (index) => accessToken({ clientId: `client-${index % 3}`, expiresAt: NOW + 10 }))
    await insertMany(store, (index) => refreshToken({ clientId: `client-${index % 3}`, expiresAt: NOW + 20 }))
    let isCounted = false
    const counting = Promise.all([store.countLive(NOW + 10), store.countLive(NOW + 20), store.countLive(NOW)]).finally(
      () => {
        isCounted = true
      }
    )
    await store.insert([accessToken({ clientId: 'late' })])
    t.equal(isCounted, false, 'a request is answered in the middle of it')
    const [some, none, all] = await counting
    const each = MANY / 3
    const refreshOf = [0, 1, 2].map((client) => `client-${client} refresh ${each}`)
    t.strictSame(sorted(some), refreshOf)
    t.strictSame(
      sorted(none).filter((count) => count.startsWith('client')),
      []
    )
    t.strictSame(
      sorted(all).filter((count) => count.startsWith('client')),
      [0, 1, 2].flatMap((client) => [`client-${client} access ${each}`, `client-${client} refresh ${each}`])
    )
  }
)
