import { Cluster, Redis } from 'ioredis'
import { createClient, createCluster } from 'redis'
import type { Test } from 'tap'
import type { RedisCluster, RedisServer } from './redis.ts'

/* Clients as an application makes them, ended with the test. They reconnect for ever, and say nothing about it. */

/** A client of ioredis. */
export function ioredis(t: Test, { host, port }: RedisServer): Redis {
  const client = new Redis(port, host)
  client.on('error', () => {})
  t.teardown(() => client.disconnect())
  return client
}

/** A client of node-redis. */
export async function nodeRedis(t: Test, { url }: RedisServer) {
  const client = createClient({ url })
  client.on('error', () => {})
  t.teardown(() => client.destroy())
  await client.connect()
  return client
}

/** A client of ioredis for a cluster. */
export function ioredisCluster(t: Test, { nodes }: RedisCluster): Cluster {
  const client = new Cluster(nodes.map(({ host, port }) => ({ host, port })))
  client.on('error', () => {})
  t.teardown(() => client.disconnect())
  return client
}

/** A client of node-redis for a cluster. */
export async function nodeRedisCluster(t: Test, { nodes }: RedisCluster) {
  const client = createCluster({ rootNodes: nodes.map(({ url }) => ({ url })) })
  client.on('error', () => {})
  t.teardown(() => client.destroy())
  await client.connect()
  return client
}

let prefixes = 0

/** A prefix that no other store of this process has. */
export function newPrefix(): string {
  prefixes += 1
  return `test-${prefixes}`
}
