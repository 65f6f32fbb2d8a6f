import { hash } from 'node:crypto'

/** What is used of an ioredis client: a `Redis` or a `Cluster`, so `fastify.redis` too. */
export interface IoredisClient {
  evalsha(sha1: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>
  eval(script: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>
}

/** What is used of a node-redis client: made by `createClient`, `createClientPool`, `createCluster`, `createSentinel`. */
export interface NodeRedisClient {
  evalSha(sha1: string, options: ScriptInput): Promise<unknown>
  eval(script: string, options: ScriptInput): Promise<unknown>
}

/** A client that the application has made; its connection, timeouts and end are the application's. */
export type RedisClient = IoredisClient | NodeRedisClient

interface ScriptInput {
  keys: string[]
  arguments: string[]
}

/** A script in Lua, which the server carries out in one step. */
export interface Script {
  readonly source: string
  readonly sha1: string
}

export function script(source: string): Script {
  return { source, sha1: hash('sha1', source) }
}

/** Whether an object has the methods of one of the clients. */
export function isRedisClient(client: unknown): client is RedisClient {
  const { eval: evaluate, evalsha, evalSha } = Object(client) as Record<string, unknown>
  return typeof evaluate === 'function' && (typeof evalsha === 'function' || typeof evalSha === 'function')
}

/**
 * Runs a script by its digest, in one round trip. A server that does not know it yet, or no longer (it was restarted,
 * or has just become the master), is sent the whole of it.
 */
export async function run(client: RedisClient, { source, sha1 }: Script, input: ScriptInput): Promise<string | null> {
  try {
    return reply(await byDigest(client, sha1, input))
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
    return reply(await bySource(client, source, input))
  }
}

function byDigest(client: RedisClient, sha1: string, input: ScriptInput): Promise<unknown> {
  if ('evalsha' in client) return client.evalsha(sha1, input.keys.length, ...input.keys, ...input.arguments)
  return client.evalSha(sha1, input)
}

function bySource(client: RedisClient, source: string, input: ScriptInput): Promise<unknown> {
  if ('evalsha' in client) return client.eval(source, input.keys.length, ...input.keys, ...input.arguments)
  return client.eval(source, input)
}

/** Scripts answer with a string or nothing; a client may be set up to give strings as buffers. */
function reply(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value)
}
