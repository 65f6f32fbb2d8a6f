import type { Redis } from 'ioredis'
import t from 'tap'
import type { StoredToken, TokenCount, TokenResponse } from '../../lib/index.ts'
import { newTokenId } from '../../lib/oauth/tokens/token-id.ts'
import { RedisStore } from '../../lib/stores/redis.ts'
import { startRedis } from '../support/redis.ts'
import { ioredis, newPrefix } from '../support/redis-clients.ts'
import { buildServer, refresh } from '../support/server.ts'
import { accessToken, NOW, refreshToken, rotate, sorted, succession } from './conformance/tokens.ts'

/** More than a script visits in one run. */
const MANY = 600

const sum = (counts: readonly TokenCount[]): number => counts.reduce((total, { count }) => total + count, 0)

/** How often the server carries out each command meanwhile, those of scripts included. */
async function commandsRun(client: Redis, work: () => Promise<unknown>): Promise<Record<string, number>> {
  await client.config('RESETSTAT')
  await work()
  const stats = await client.info('commandstats')
  const calls = [...stats.matchAll(/cmdstat_(\S+):calls=(\d+)/g)].map(([, command, count]) => [command, Number(count)])
  return Object.fromEntries(calls)
}

/** How many scripts the server runs meanwhile, sent as digests and sent whole. */
async function scriptsRun(client: Redis, work: () => Promise<unknown>): Promise<{ evalsha: number; eval: number }> {
  const { evalsha = 0, eval: whole = 0 } = await commandsRun(client, work)
  return { evalsha, eval: whole }
}

/** Tokens of one family, so in one place; in their order in the index. */
function ofOneFamily(count: number): StoredToken[] {
  const family = newTokenId(NOW)
  return Array.from({ length: count }, (_, index) =>
    accessToken({ family, id: newTokenId(NOW + index, family), expiresAt: NOW + 100_000 })
  )
}

t.test('what a server is asked', async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  const client = ioredis(t, server)
  const create = (prefix = newPrefix()) => new RedisStore({ client, prefix })
  const once = { evalsha: 1, eval: 0 }

  await t.test('insert, find, rotate, keep: one script, one round trip', async (t) => {
    const store = create()
    const [first, second] = [refreshToken(), refreshToken()]
    await store.insert([first])
    await rotate(store, first, NOW)
    await store.find(first.id)
    await store.keep('key', 'value')
    t.strictSame(await scriptsRun(client, () => store.insert([second, accessToken({ family: second.family })])), once)
    t.strictSame(await scriptsRun(client, () => store.find(second.id)), once)
    t.strictSame(await scriptsRun(client, () => rotate(store, second, NOW)), once)
    t.strictSame(await scriptsRun(client, () => store.keep('other', 'value')), once)
  })

  await t.test(
    'to issue, to refresh, and to refuse a refresh is one round trip; to refresh for less is two',
    async (t) => {
      const fastify = await buildServer(t, { store: create() })
      const issue = () => fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
      const [first, second, third] = [await issue(), await issue(), await issue()]
      const spend = async ({ refresh_token: token = '' }: TokenResponse, more?: Record<string, string>) =>
        t.equal((await refresh(fastify, token, more)).statusCode, 200)
      await spend(first)
      t.strictSame(await scriptsRun(client, issue), once)
      t.strictSame(await scriptsRun(client, () => spend(second)), once)
      t.strictSame(await scriptsRun(client, () => refresh(fastify, '00000000-never-issued')), once)
      t.strictSame(await scriptsRun(client, () => spend(third, { scope: 'orders:read' })), { evalsha: 2, eval: 0 })
    }
  )

  await t.test('an id that names no place is looked for nowhere', async (t) => {
    const store = create()
    const work = async () => {
      t.equal(await store.find('nobody'), undefined)
      t.strictSame(await store.revoke({ id: 'nobody' }, NOW, 'admin'), [])
      t.strictSame((await rotate(store, refreshToken({ id: 'nobody' }), NOW)).rotation, {
        won: false,
        token: undefined
      })
    }
    t.strictSame(await scriptsRun(client, work), { evalsha: 0, eval: 0 })
  })

  await t.test('a server that has forgotten the scripts is sent them again', async (t) => {
    const store = create()
    const tokens = Array.from({ length: 20 }, () => refreshToken())
    await client.script('FLUSH')
    const ran = await scriptsRun(client, () => Promise.all(tokens.map((token) => store.insert([token]))))
    t.equal(ran.evalsha, 20)
    t.ok(ran.eval >= 1 && ran.eval <= 20, `${ran.eval} times in whole`)
    t.strictSame(await scriptsRun(client, () => store.insert([refreshToken()])), once)
    t.strictSame(sorted(await store.countLive(NOW)), ['web refresh 21'])
  })

  await t.test('revoking all of a subject costs what it kills; repeated, one script for each place', async (t) => {
    const store = create()
    const tokens = [...ofOneFamily(MANY), accessToken()]
    for (const token of tokens) await store.insert([token])
    const again = () => store.revoke({ subject: 'alice' }, NOW + 2, 'admin')
    t.strictSame(sorted(await store.revoke({ subject: 'alice' }, NOW + 1, 'admin')), [`web access ${MANY + 1}`])
    t.strictSame(await scriptsRun(client, async () => t.strictSame(await again(), [])), { evalsha: 32, eval: 0 })
    for (const { id } of tokens) t.equal((await store.find(id))?.revokedAt, NOW + 1)
  })

  await t.test('a revocation that needs several runs: from its beginning nothing of it can be rotated', async (t) => {
    const store = create()
    const tokens = ofOneFamily(MANY)
    const [{ family }] = tokens as [StoredToken]
    const last = refreshToken({ family, id: newTokenId(NOW + MANY, family) })
    for (const token of [...tokens, last]) await store.insert([token])
    const revoking = store.revoke({ subject: 'alice' }, NOW + 1, 'admin')
    const { rotation } = await rotate(store, last, NOW + 2)
    t.strictSame(rotation, { won: false, token: { ...last, revokedAt: NOW + 1 } })
    t.equal(sum(await revoking), MANY + 1)
    t.strictSame(sorted(await store.countLive(NOW + 2)), [])
  })

  await t.test('many that expire together are counted once, whoever looks and prunes', async (t) => {
    const store = create()
    for (const token of ofOneFamily(MANY)) await store.insert([token])
    const end = NOW + 100_000
    t.strictSame(sorted(await store.countLive(end - 0.25)), [`web access ${MANY}`])
    const [, , ...pruned] = await Promise.all([
      store.countLive(end),
      store.countLive(end),
      store.prune(end),
      store.prune(end),
      new RedisStore({ client, prefix: newPrefix() }).prune(end)
    ])
    t.equal(sum(pruned.flat()), MANY)
    t.strictSame(sorted(await store.countLive(end)), [])
    t.strictSame(await store.prune(end), [])
  })

  await t.test('a token seen expired stays dead when the clock goes back, before it is forgotten', async (t) => {
    const store = create()
    const token = refreshToken({ expiresAt: NOW + 10 })
    await store.insert([token])
    t.strictSame(sorted(await store.countLive(NOW + 10)), [])
    t.strictSame((await rotate(store, token, NOW)).rotation, { won: false, token })
    t.strictSame(await store.revoke({ id: token.id }, NOW, 'admin'), [])
    t.strictSame(sorted(await store.prune(NOW)), ['web refresh 1'], 'it has been counted as expired, once')
    t.strictSame(await store.prune(NOW + 10), [])
  })

  await t.test('countLive visits no live token: the server does the same work for many as for few', async (t) => {
    const [few, many] = [create(), create()]
    const tokens = ofOneFamily(MANY)
    for (const token of tokens) await many.insert([token])
    for (const token of tokens.slice(0, 1)) await few.insert([token])
    const { info: _, 'config|resetstat': __, ...work } = await commandsRun(client, () => few.countLive(NOW))
    t.strictSame(work, { evalsha: 32, zrangebyscore: 32, hgetall: 32 })
    t.match(await commandsRun(client, () => many.countLive(NOW)), work)
  })

  await t.test('what a client sends again after a reconnect is done once, and answered as before', async (t) => {
    const store = create()
    const token = refreshToken()
    const into = succession(token, NOW + 1, { receipt: 'c2VhbGVk' })
    for (const attempt of ['first', 'again']) t.equal(await store.insert([token]), true, attempt)
    for (const attempt of ['first', 'again']) {
      t.strictSame(await store.rotate(token.id, 'web', into), { won: true, token }, attempt)
    }
    t.equal((await rotate(store, token, NOW + 1)).rotation.won, false, 'another request has lost')
    t.strictSame(sorted(await store.countLive(NOW + 1)), ['web access 1', 'web refresh 1'])
  })
})
