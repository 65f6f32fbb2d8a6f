import { readFileSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import type { Client } from '../lib/index.ts'
import { DEMO_CLIENTS, parseClients } from './clients.ts'
import { ConfigurationError } from './configuration-error.ts'
import { parseStore, type StoreLocation } from './stores.ts'

/** Where to listen. */
export interface Address {
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
}

/** What the server needs to know once its address is known. */
export interface Configuration {
  readonly issuer: string
  readonly audience: string
  readonly clients: readonly Client[]
  readonly store: StoreLocation
  readonly logLevel: string
  /** Present when the clients are the ones everybody knows. */
  readonly demo: 'development' | 'production' | undefined
}

type Environment = Readonly<Record<string, string | undefined>>

/** Relative to the folder that the server is started in. */
const DEFAULT_STORE = 'sqlite:./data/tokens.db'

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

/** @throws ConfigurationError */
export function readAddress({ HOST, PORT }: Environment): Address {
  const port = Number(PORT || 3000)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new ConfigurationError(`PORT must be a whole number from 0 to 65535, not "${PORT}"`)
  }
  return { host: HOST || '127.0.0.1', port }
}

/** The URL clients on this machine reach it by. */
function urlOf({ host, port }: Address): string {
  if (host === '0.0.0.0' || host === '::') return `http://localhost:${port}`
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`
}

function readClients(file: string): readonly Client[] {
  try {
    return parseClients(JSON.parse(readFileSync(file, 'utf8')))
  } catch (error) {
    // The engine's message about malformed JSON quotes the file, and the file holds secrets.
    const what = error instanceof SyntaxError ? 'it is not JSON' : (error as Error).message
    throw new ConfigurationError(`OAUTH_CLIENTS=${file}: ${what}`)
  }
}

/** @throws ConfigurationError */
export function readConfiguration(env: Environment, address: Address): Configuration {
  const logLevel = env.LOG_LEVEL || 'info'
  if (!LOG_LEVELS.includes(logLevel)) throw new ConfigurationError(`LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}`)
  const issuer = env.ISSUER || urlOf(address)
  return {
    issuer,
    audience: env.AUDIENCE || issuer,
    clients: env.OAUTH_CLIENTS ? readClients(env.OAUTH_CLIENTS) : DEMO_CLIENTS,
    store: parseStore(env.OAUTH_STORE || DEFAULT_STORE),
    logLevel,
    demo: env.OAUTH_CLIENTS ? undefined : env.NODE_ENV === 'production' ? 'production' : 'development'
  }
}
