import type { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { newTokenId } from '../../lib/oauth/tokens/token-id.ts'
import { RedisStore } from '../../lib/stores/redis.ts'
import { startRedis } from '../support/redis.ts'
import { ioredis, newPrefix } from '../support/redis-clients.ts'
import { accessToken, NOW, refreshToken, rotate, sorted } from './conformance/tokens.ts'

const DAY = 86_400

/** More than a script visits in one run. */
const MANY = 300

/** A store of its own, and what Redis itself knows of its keys. */
function watchedStore(client: Redis) {
  const prefix = newPrefix()
  const keys = (pattern: string) => client.keys(`{${prefix}:?}:${pattern}`)
  return {
    store: new RedisStore({ client, prefix }),
    keys,
    /** In how many seconds each key ends, without the part of its name that all have in common. */
    async ends(): Promise<Record<string, number>> {
      const all = (await keys('*')).sort()
      const entries = await Promise.all(all.map(async (key) => [key.replace(/^.*?}:/, ''), await client.ttl(key)]))
      return Object.fromEntries(entries)
    }
  }
}

/** Checks that a key ends at a time, give or take what the test has taken. */
function endsIn(t: Test, ends: Record<string, number>, key: string, seconds: number): void {
  const left = ends[key] ?? Number.NaN
  t.ok(left > seconds - 60 && left <= seconds, `${key} ends in ${left} s`)
}

t.test('what Redis forgets by itself', async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  const client = ioredis(t, server)

  await t.test('each key has an end: rows a day after their tokens, marks after five minutes', async (t) => {
    const { store, ends } = watchedStore(client)
    const token = refreshToken({ expiresAt: NOW + 10 * DAY })
    await store.insert([token])
    const { access, refresh } = await rotate(store, token, NOW)
    await store.revoke({ id: access.id }, NOW, 'admin')
    await store.revoke({ family: token.family }, NOW, 'admin')
    const short = accessToken({ family: token.family, issuedAt: NOW, expiresAt: NOW + 10 })
    await store.insert([short])

    const all = await ends()
    const rows = [access, refresh, short, token].map(({ id }) => `t:${id}`).sort()
    const mark = `m:f"${token.family}"`
    t.strictSame(Object.keys(all), ['counts', 'ended', 'index', 'live', mark, ...rows])
    endsIn(t, all, mark, 300)
    endsIn(t, all, `t:${access.id}`, 3600 + DAY)
    endsIn(t, all, `t:${refresh.id}`, 2 * DAY)
    endsIn(t, all, `t:${short.id}`, 10 + DAY)
    endsIn(t, all, `t:${token.id}`, 11 * DAY)
    for (const key of ['counts', 'ended', 'index', 'live']) endsIn(t, all, key, 12 * DAY)
  })

  await t.test('a value that is kept has none', async (t) => {
    const prefix = newPrefix()
    await new RedisStore({ client, prefix }).keep('signing-key', 'a PEM')
    t.equal(await client.ttl(`${prefix}:kept:signing-key`), -1)
  })

  await t.test('what a place has once ends at one time, whenever it began, and after its last row', async (t) => {
    const { store, keys } = watchedStore(client)
    const family = newTokenId(NOW)
    const at = NOW + 10
    await store.insert([accessToken({ family, expiresAt: at })])
    await store.prune(at)
    await store.insert([accessToken({ family, issuedAt: at, expiresAt: NOW + 20 })])
    await store.insert([accessToken({ family, issuedAt: at, expiresAt: at + 40 * DAY })])
    await store.countLive(NOW + 20)
    const all = await keys('[a-z]?*')
    const once = all.filter((key) => !key.includes('}:t:')).sort()
    t.strictSame(
      once.map((key) => key.replace(/^.*?}:/, '')),
      ['counts', 'ended', 'expired', 'index', 'live']
    )
    const ends = await Promise.all(once.map((key) => client.pexpiretime(key)))
    t.equal(new Set(ends).size, 1)
    t.ok((ends[0] ?? 0) > Date.now() + 41 * DAY * 1000)
  })

  await t.test('rows that Redis has forgotten, since nobody pruned: all is counted all the same, once', async (t) => {
    const { store, keys } = watchedStore(client)
    const family = newTokenId(NOW)
    await store.insert([accessToken({ expiresAt: NOW + 10 })])
    await store.insert(Array.from({ length: MANY }, () => refreshToken({ family })))
    await client.del(...(await keys('t:*')))
    t.strictSame(sorted(await store.prune(NOW + 10)), ['web access 1'])
    t.strictSame(await store.revoke({ clientId: 'web' }, NOW + 10, 'admin'), [], 'what cannot be found is dead')
    t.strictSame(sorted(await store.prune(NOW + DAY)), [`web refresh ${MANY}`])
    t.strictSame(sorted(await store.countLive(NOW + DAY)), [])
  })
})
