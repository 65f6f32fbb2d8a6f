import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { StoredToken, TokenStore } from '../../lib/index.ts'
import { isLive } from '../../lib/oauth/tokens/token.ts'
import { RedisStore } from '../../lib/stores/redis.ts'
import { type RedisServer, startRedis } from '../support/redis.ts'
import { ioredis, newPrefix } from '../support/redis-clients.ts'
import { accessToken, NOW, refreshToken, rotate, sorted } from './conformance/tokens.ts'

const WORKERS = 10
const PAUSE_MS = 10

/** What `everysec` may lose: while one fsync is under way, what is written waits for up to two full seconds more. */
const EVERYSEC_MS = 3000

/** What the store has acknowledged, when, and whether it still holds. */
interface Promised {
  readonly at: number
  readonly what: string
  readonly holds: () => Promise<boolean>
}

/** Clients that issue, rotate and revoke all the time, and remember what they were promised. */
function underLoad(store: TokenStore) {
  const promised: Promised[] = []
  const ids: string[] = []
  let isOver = false
  const remember = (what: string, id: string, holds: (token: StoredToken | undefined) => boolean) => {
    promised.push({ at: performance.now(), what, holds: async () => holds(await store.find(id)) })
  }
  const work = async () => {
    while (!isOver) {
      await sleep(PAUSE_MS)
      const first = refreshToken()
      const access = accessToken({ family: first.family })
      ids.push(first.id, access.id)
      await store.insert([access, first])
      for (const { id } of [first, access]) remember('issued', id, (token) => token !== undefined)
      const { rotation, refresh: second, access: next } = await rotate(store, first, NOW + 1)
      ids.push(second.id, next.id)
      if (!rotation.won) continue
      remember('spent', first.id, (token) => token?.spent?.successor === second.id)
      for (const { id } of [second, next]) remember('rotated', id, (token) => token !== undefined)
      if (first.id.endsWith('A')) continue
      await store.revoke({ family: first.family }, NOW + 2, 'admin')
      for (const { id } of [second, next, access]) remember('revoked', id, (token) => token?.revokedAt === NOW + 2)
    }
  }
  const workers = Array.from({ length: WORKERS }, work)
  return {
    promised,
    ids,
    async end() {
      isOver = true
      await Promise.all(workers)
    }
  }
}

/** Kills the server under load after a while, several times; gives what was promised and does not hold. */
async function killed(
  t: Test,
  server: RedisServer,
  waits: readonly number[]
): Promise<{ what: string; age: number }[]> {
  const client = ioredis(t, server)
  const store = new RedisStore({ client, prefix: newPrefix() })
  const broken: { what: string; age: number }[] = []
  const load = underLoad(store)
  let promised = 0
  for (const ms of waits) {
    await sleep(ms)
    await server.kill()
    const end = performance.now()
    promised = load.promised.length
    await server.start()
    const before = load.promised.slice(0, promised)
    const hold = await Promise.all(before.map(({ holds }) => holds()))
    const lost = before.filter((_, index) => hold[index] === false)
    broken.push(...lost.map(({ at, what }) => ({ what, age: end - at })))
  }
  await load.end()
  t.ok(promised > 100, `${promised} promises before the last kill`)

  const tokens = await Promise.all(load.ids.map((id) => store.find(id)))
  const live = tokens.filter((token) => token !== undefined && isLive(token, NOW + 2))
  const of = (type: string) => live.filter((token) => token?.type === type).length
  const counts = [`web access ${of('access')}`, `web refresh ${of('refresh')}`]
  t.strictSame(sorted(await store.countLive(NOW + 2)), counts, 'the counts are those of the tokens')
  return broken
}

t.test('kill -9 of Redis with AOF and appendfsync always: nothing that was acknowledged is lost', async (t) => {
  const server = await startRedis(t, { settings: { appendonly: 'yes', appendfsync: 'always' } })
  if (server === undefined) return
  t.strictSame(await killed(t, server, [500, 500, 500]), [])
})

t.test('kill -9 of Redis with AOF and appendfsync everysec: at most the last seconds are lost', async (t) => {
  const server = await startRedis(t, { settings: { appendonly: 'yes', appendfsync: 'everysec' } })
  if (server === undefined) return
  const broken = await killed(t, server, [EVERYSEC_MS + 2000])
  t.comment(`${broken.length} acknowledged changes lost`)
  t.strictSame(
    broken.filter(({ age }) => age > EVERYSEC_MS),
    []
  )
})
