import { isRedisClient, type RedisClient } from './client.ts'

export interface RedisStoreOptions {
  /**
   * A client of ioredis (`new Redis()`, `new Cluster()`, `fastify.redis` of @fastify/redis) or of node-redis
   * (`createClient`, `createCluster`). The store neither connects nor ends it, and sets none of its options: bound its
   * connect and command timeouts.
   */
  readonly client: RedisClient
  /** What all keys begin with: services that share a Redis need one each. Default: `oauth`. */
  readonly prefix?: string
}

const NAMES = ['client', 'prefix']

/** @throws TypeError with the message unless the condition holds */
function ensure(condition: boolean, message: string): asserts condition {
  if (!condition) throw new TypeError(`RedisStore: ${message}`)
}

/** The options, with defaults. */
export function checked(options: RedisStoreOptions): Required<RedisStoreOptions> {
  ensure(typeof options === 'object' && options !== null, 'it takes an object, for example { client: new Redis() }')
  for (const name of Object.keys(options)) {
    ensure(NAMES.includes(name), `there is no "${name}": it takes ${NAMES.join(', ')}`)
  }
  const { client, prefix = 'oauth' } = options
  ensure(
    isRedisClient(client),
    'client must be a client of ioredis or node-redis, for example new Redis(), createClient() or fastify.redis'
  )
  ensure(
    typeof prefix === 'string' && /^[^{}]+$/.test(prefix),
    "prefix must be a non-empty string without braces, for example 'oauth'"
  )
  return { client, prefix }
}
