import type { TokenStore } from '../../lib/index.ts'

/** All that a process must know to open a store; it can be sent to another process. */
export type StoreSpec =
  | { readonly engine: 'sqlite'; readonly path: string }
  | { readonly engine: 'redis'; readonly url: string; readonly prefix: string }
  | { readonly engine: 'node-redis'; readonly url: string; readonly prefix: string }
  | { readonly engine: 'redis-cluster'; readonly urls: readonly string[]; readonly prefix: string }
  | { readonly engine: 'postgres'; readonly url: string; readonly schema: string }

/** Connections of one process to PostgreSQL. */
const CONNECTIONS = 8

/** No client may wait for ever for a server that is down. */
const CONNECT_MS = 1000

/** The store on a client of its own, as an application makes it; closing the store ends the client. */
export async function openStore(spec: StoreSpec): Promise<TokenStore> {
  switch (spec.engine) {
    case 'sqlite': {
      const { SqliteStore } = await import('../../lib/stores/sqlite.ts')
      return new SqliteStore({ path: spec.path })
    }
    case 'postgres': {
      const { url: connectionString, schema } = spec
      const [{ default: pg }, { PostgresStore }] = await Promise.all([
        import('pg'),
        import('../../lib/stores/postgres.ts')
      ])
      const pool = new pg.Pool({ connectionString, max: CONNECTIONS, connectionTimeoutMillis: CONNECT_MS })
      const store = new PostgresStore({ pool, schema })
      await store.migrate()
      return closing(store, () => pool.end())
    }
    default:
      return openRedis(spec)
  }
}

async function openRedis(spec: Extract<StoreSpec, { prefix: string }>): Promise<TokenStore> {
  const { RedisStore } = await import('../../lib/stores/redis.ts')
  const { prefix } = spec
  if (spec.engine === 'redis') {
    const { Redis } = await import('ioredis')
    const client = new Redis(spec.url, { connectTimeout: CONNECT_MS })
    client.on('error', () => {})
    return closing(new RedisStore({ client, prefix }), async () => client.disconnect())
  }
  const { createClient, createCluster } = await import('redis')
  if (spec.engine === 'node-redis') {
    const client = createClient({ url: spec.url, socket: { connectTimeout: CONNECT_MS } })
    client.on('error', () => {})
    await client.connect()
    return closing(new RedisStore({ client, prefix }), async () => client.destroy())
  }
  const client = createCluster({ rootNodes: spec.urls.map((url) => ({ url })) })
  client.on('error', () => {})
  await client.connect()
  return closing(new RedisStore({ client, prefix }), async () => client.destroy())
}

/** The same store, which ends the client that was made for it when it is closed. */
function closing(store: TokenStore, endClient: () => Promise<void>): TokenStore {
  const close = store.close.bind(store)
  return Object.assign(store, {
    close: async () => {
      await close()
      await endClient()
    }
  })
}
