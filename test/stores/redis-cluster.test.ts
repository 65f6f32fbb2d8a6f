import t from 'tap'
import { RedisStore } from '../../lib/stores/redis.ts'
import { startRedisCluster } from '../support/redis.ts'
import { ioredisCluster, newPrefix, nodeRedisCluster } from '../support/redis-clients.ts'
import { testStore } from './conformance.ts'

t.test('on a cluster of three nodes', async (t) => {
  const cluster = await startRedisCluster(t)
  if (cluster === undefined) return
  const first = ioredisCluster(t, cluster)
  await testStore(t, 'RedisStore with ioredis', async () => new RedisStore({ client: first, prefix: newPrefix() }))
  const second = await nodeRedisCluster(t, cluster)
  await testStore(t, 'RedisStore with node-redis', async () => new RedisStore({ client: second, prefix: newPrefix() }))
})
