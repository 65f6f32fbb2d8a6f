import t from 'tap'
import { RedisStore } from '../../lib/stores/redis.ts'
import { startRedis } from '../support/redis.ts'
import { ioredis, newPrefix, nodeRedis } from '../support/redis-clients.ts'
import { testStore } from './conformance.ts'

t.test('on one server', async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  const first = ioredis(t, server)
  await testStore(t, 'RedisStore with ioredis', async () => new RedisStore({ client: first, prefix: newPrefix() }))
  const second = await nodeRedis(t, server)
  await testStore(t, 'RedisStore with node-redis', async () => new RedisStore({ client: second, prefix: newPrefix() }))
})
