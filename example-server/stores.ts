import type { FastifyBaseLogger } from 'fastify'
import type { TokenStore } from '../lib/index.ts'
import { ConfigurationError } from './configuration-error.ts'

/** Where tokens are kept, as `OAUTH_STORE` says. */
export type StoreLocation =
  | { readonly engine: 'memory' }
  | { readonly engine: 'sqlite'; readonly path: string }
  /** Several nodes are a cluster. */
  | { readonly engine: 'redis'; readonly nodes: readonly [URL, ...URL[]] }
  | { readonly engine: 'postgres'; readonly url: string }

/** A store, and what ends the connections that were made for it. */
export interface OpenedStore {
  readonly store: TokenStore
  readonly end: () => Promise<void>
}

const FORMS =
  'memory:, sqlite:PATH, redis://HOST:PORT, rediss://… (several of these with commas between: a cluster), postgres://…'

const refuse = (what: string): ConfigurationError => new ConfigurationError(`OAUTH_STORE ${what}. It takes ${FORMS}`)

/** The nodes of a cluster, or the one server; the scheme, the user and the password of the first go for all. */
function parseNodes(text: string, scheme: string): readonly [URL, ...URL[]] {
  const [first, others] = [text.replace(/,.*/s, ''), text.split(',').slice(1)]
  return [parseUrl(first), ...others.map((node) => parseUrl(node.includes('://') ? node : `${scheme}://${node}`))]
}

function parseUrl(text: string): URL {
  if (!URL.canParse(text)) throw refuse('has an address that is no URL')
  return new URL(text)
}

/**
 * Reads `OAUTH_STORE`.
 *
 * @throws ConfigurationError that shows nothing beyond the scheme: a password may follow
 */
export function parseStore(text: string): StoreLocation {
  const scheme = text.replace(/:.*$/s, '')
  switch (scheme) {
    case 'memory':
      return { engine: 'memory' }
    case 'sqlite': {
      const path = text.slice('sqlite:'.length)
      if (path === '') throw refuse('names no file')
      return { engine: 'sqlite', path }
    }
    case 'redis':
    case 'rediss':
      return { engine: 'redis', nodes: parseNodes(text, scheme) }
    case 'postgres':
    case 'postgresql':
      return { engine: 'postgres', url: parseUrl(text).href }
    default:
      throw refuse(text.includes(':') ? `"${scheme}:" is not supported` : 'has no scheme')
  }
}

/** Loads only what is needed: the drivers of Redis and PostgreSQL may be missing where nobody uses them. */
function connect(location: StoreLocation, log: FastifyBaseLogger): Promise<OpenedStore | undefined> {
  switch (location.engine) {
    case 'memory':
      return Promise.resolve(undefined)
    case 'sqlite':
      return import('../lib/stores/sqlite.ts').then(({ SqliteStore }) => ({
        store: new SqliteStore({ path: location.path }),
        end: async () => {}
      }))
    case 'redis':
      return import('./stores/redis.ts').then(({ openRedis }) => openRedis(location.nodes, log))
    case 'postgres':
      return import('./stores/postgres.ts').then(({ openPostgres }) => openPostgres(location.url, log))
  }
}

/**
 * Opens the store; `undefined` for `memory:`, which is the plugin's own default.
 *
 * @throws ConfigurationError when it cannot be reached or used
 */
export async function openStore(location: StoreLocation, log: FastifyBaseLogger): Promise<OpenedStore | undefined> {
  try {
    return await connect(location, log)
  } catch (error) {
    throw new ConfigurationError(`OAUTH_STORE: ${(error as Error).message}`, { cause: error })
  }
}
