import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { StoreSpec } from './open-store.ts'
import { startPostgres } from './postgres.ts'
import { startRedis, startRedisCluster } from './redis.ts'

/** Where stores are kept, running for the time of a test. */
export interface Engine {
  /** A place for one more store, which is empty and shares nothing with those before. */
  newStore(): StoreSpec
  /** The server, where there is one that can be killed and brought back without losing what it acknowledged. */
  readonly server?: {
    kill(): Promise<void>
    start(): Promise<void>
    /** Where one signal reaches all of it. */
    signal?(signal: NodeJS.Signals): void
  }
}

/** Starts an engine; `undefined`, having reported it, when it is not installed. */
export type StartEngine = (t: Test) => Promise<Engine | undefined>

/** Redis writes every command to the disk before it answers. */
const DURABLE = { settings: { appendonly: 'yes', appendfsync: 'always' } }

let stores = 0

/** A name that no other store of this process has. */
function newName(): string {
  stores += 1
  return `store_${stores}`
}

/** Every engine there is, by its name. */
export const ENGINES = {
  async SQLite(t) {
    const folder = await mkdtemp(join(tmpdir(), 'sqlite-'))
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    return { newStore: () => ({ engine: 'sqlite', path: join(folder, `${newName()}.db`) }) }
  },

  async Redis(t) {
    const server = await startRedis(t)
    return server && { newStore: () => ({ engine: 'redis', url: server.url, prefix: newName() }) }
  },

  async 'Redis cluster'(t) {
    const cluster = await startRedisCluster(t)
    if (cluster === undefined) return undefined
    const urls = cluster.nodes.map(({ url }) => url)
    return { newStore: () => ({ engine: 'redis-cluster', urls, prefix: newName() }) }
  },

  async PostgreSQL(t) {
    const server = await startPostgres(t)
    return server && { server, newStore: () => ({ engine: 'postgres', url: server.url, schema: newName() }) }
  }
} as const satisfies Readonly<Record<string, StartEngine>>

/** Engines that are servers, set up to lose nothing when they are killed; Redis with each of its clients. */
export const DURABLE_SERVERS: Readonly<Record<string, StartEngine>> = {
  async 'Redis, ioredis'(t) {
    const server = await startRedis(t, DURABLE)
    return server && { server, newStore: () => ({ engine: 'redis', url: server.url, prefix: newName() }) }
  },

  async 'Redis, node-redis'(t) {
    const server = await startRedis(t, DURABLE)
    return server && { server, newStore: () => ({ engine: 'node-redis', url: server.url, prefix: newName() }) }
  },

  PostgreSQL: ENGINES.PostgreSQL
}
