import type { FastifyBaseLogger } from 'fastify'
import { Cluster, Redis } from 'ioredis'
import { RedisStore } from '../../lib/stores/redis.ts'
import type { OpenedStore } from '../stores.ts'

/** For a connection, and for the answer to a command. */
const TIMEOUT_MS = 2000
/** A server that is gone is looked for so often. */
const RETRY_MS = 500

/** Nothing waits for a server that is away, and a command in flight ends with its connection. */
const BOUNDED = { connectTimeout: TIMEOUT_MS, commandTimeout: TIMEOUT_MS, maxRetriesPerRequest: 0 }

const AT_ONCE = { enableOfflineQueue: false, lazyConnect: true }

/** The client of one server, or of a cluster; it is not connected yet. */
export function createClient([first, ...others]: readonly [URL, ...URL[]]): Redis | Cluster {
  if (others.length === 0) {
    return new Redis(first.href, { ...BOUNDED, ...AT_ONCE, retryStrategy: () => RETRY_MS })
  }
  const { username, password, protocol } = first
  return new Cluster(
    [first, ...others].map(({ hostname, port }) => ({ host: hostname, port: Number(port || 6379) })),
    {
      ...AT_ONCE,
      clusterRetryStrategy: () => RETRY_MS,
      redisOptions: {
        ...BOUNDED,
        username: decodeURIComponent(username),
        password: decodeURIComponent(password),
        ...(protocol === 'rediss:' ? { tls: {} } : {})
      }
    }
  )
}

/** Connects to one server, or to a cluster. @throws Error when it cannot be reached or refuses */
export async function openRedis(nodes: readonly [URL, ...URL[]], log: FastifyBaseLogger): Promise<OpenedStore> {
  const client = createClient(nodes)
  const why = new Promise<never>((_, reject) => {
    client.once('error', (error) => reject(new Error(`Redis cannot be reached: ${error.message}`, { cause: error })))
  })
  try {
    await Promise.race([client.connect(), why])
  } catch (error) {
    client.disconnect()
    throw error
  }
  client.on('error', (err) => log.warn({ err }, 'the connection to Redis failed'))
  return { store: new RedisStore({ client }), end: async () => client.disconnect() }
}
