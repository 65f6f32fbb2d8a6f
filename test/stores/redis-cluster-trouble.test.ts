import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster, Redis } from 'ioredis'
import t from 'tap'
import type { TokenCount } from '../../lib/index.ts'
import { placeOf } from '../../lib/oauth/tokens/token-id.ts'
import { RedisStore } from '../../lib/stores/redis.ts'
import { startRedisCluster } from '../support/redis.ts'
import { ioredisCluster, newPrefix, nodeRedisCluster } from '../support/redis-clients.ts'
import { accessToken, NOW, refreshToken, rotate, sorted } from './conformance/tokens.ts'

const sum = (counts: readonly TokenCount[]): number => counts.reduce((total, { count }) => total + count, 0)

/** The node that serves a slot, and one that does not. */
async function sidesOf(client: Cluster, slot: number): Promise<{ from: Redis; to: Redis }> {
  const masters = client.nodes('master')
  const serving = await Promise.all(
    masters.map(async (node) => (await node.call('CLUSTER', 'COUNTKEYSINSLOT', slot)) !== 0)
  )
  const from = masters.find((_, index) => serving[index])
  const to = masters.find((_, index) => !serving[index])
  if (from === undefined || to === undefined) throw new Error('there are no two sides')
  return { from, to }
}

/** Moves keys of a slot to another node. */
async function move(to: Redis, from: Redis, keys: readonly string[]): Promise<void> {
  const { host = '', port = 0 } = to.options
  for (const key of keys) await from.call('MIGRATE', host, port, key, 0, 5000)
}

t.test('while a slot moves to another node nothing is half-done; afterwards all goes on', async (t) => {
  const cluster = await startRedisCluster(t)
  if (cluster === undefined) return
  const client = ioredisCluster(t, cluster)
  const prefix = newPrefix()
  const store = new RedisStore({ client: await nodeRedisCluster(t, cluster), prefix })
  const [first, ofBob] = [refreshToken(), refreshToken({ subject: 'bob' })]
  const access = accessToken({ family: first.family })
  await store.insert([first, access, accessToken({ family: first.family, expiresAt: NOW + 1 })])
  await store.insert([ofBob])
  await store.countLive(NOW + 1)

  const tag = `{${prefix}:${placeOf(first.id)}}`
  const slot = Number(await client.cluster('KEYSLOT', tag))
  const { from, to } = await sidesOf(client, slot)
  const [fromId, toId] = await Promise.all([from, to].map((node) => node.call('CLUSTER', 'MYID')))
  await to.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', String(fromId))
  await from.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', String(toId))
  await move(to, from, [`${tag}:t:${access.id}`])

  const whatIsNotThere = /^Redis could not (insert|rotate|revoke): TRYAGAIN /
  await t.rejects(store.insert([accessToken({ family: first.family })]), { message: whatIsNotThere })
  await t.rejects(rotate(store, first, NOW + 1), { message: whatIsNotThere })
  await t.rejects(store.revoke({ family: first.family }, NOW + 1, 'admin'), { message: whatIsNotThere })
  const whatHasGoneAhead =
    /^Redis could not (revoke|prune): ERR (Script attempted to access a non local|.*undeclared) key/
  await t.rejects(store.revoke({ id: access.id }, NOW + 1, 'admin'), { message: whatHasGoneAhead })
  await t.rejects(store.prune(NOW + 3600), { message: whatHasGoneAhead })
  t.strictSame(sorted(await store.countLive(NOW + 1)), ['web access 1', 'web refresh 2'])
  t.strictSame(await store.find(first.id), first, 'what has not gone is found')
  t.strictSame(await store.find(access.id), access, 'and what has gone ahead')

  const rest = (await from.call('CLUSTER', 'GETKEYSINSLOT', slot, 1000)) as string[]
  await move(to, from, rest)
  for (const node of [to, from]) await node.call('CLUSTER', 'SETSLOT', slot, 'NODE', String(toId))
  t.strictSame(sorted(await store.countLive(NOW + 1)), ['web access 1', 'web refresh 2'])
  t.equal((await rotate(store, first, NOW + 1)).rotation.won, true)
  t.strictSame(sorted(await store.prune(NOW + 1)), ['web access 1'])
  t.strictSame(sorted(await store.revoke({ subject: 'alice' }, NOW + 2, 'admin')), ['web access 2', 'web refresh 1'])
  t.strictSame(sorted(await store.countLive(NOW + 2)), ['web refresh 1'])
})

t.test('a node is killed and comes back: what the others had pruned meanwhile is told once', async (t) => {
  const durable = { appendonly: 'yes', appendfsync: 'always' }
  const partial = { 'cluster-node-timeout': '2000', 'cluster-require-full-coverage': 'no' }
  const cluster = await startRedisCluster(t, { settings: { ...durable, ...partial } })
  if (cluster === undefined) return
  const store = new RedisStore({ client: await nodeRedisCluster(t, cluster), prefix: newPrefix() })
  const tokens = Array.from({ length: 300 }, () => accessToken({ expiresAt: NOW + 10 }))
  await Promise.all(tokens.map((token) => store.insert([token])))
  const [node] = cluster.nodes
  await node?.kill()
  await t.rejects(store.prune(NOW + 10), { message: /^Redis could not prune: / })
  const found = await Promise.allSettled(tokens.map(({ id }) => store.find(id)))
  const gone = found.filter((result) => result.status === 'fulfilled' && result.value === undefined).length
  t.ok(gone > 0 && gone < 300, `${gone} have been forgotten in the places of the other nodes`)

  await node?.start()
  const told: TokenCount[] = []
  const deadline = Date.now() + 60_000
  while (sum(told) < 300 && Date.now() < deadline) {
    told.push(...(await store.prune(NOW + 10).catch(() => [])))
    await sleep(50)
  }
  t.equal(sum(told), 300)
  t.strictSame(await store.prune(NOW + 11), [])
  t.strictSame(sorted(await store.countLive(NOW + 11)), [])
})
