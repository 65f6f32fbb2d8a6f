import { unavailable } from '../errors.ts'
import { CLIENT_CREDENTIALS } from '../grants/grant-types.ts'
import { type Names, noneLost, onlyKnown } from '../properties.ts'
import { isScopeToken } from '../tokens/scope.ts'
import { digestBytes } from './secrets.ts'

/** A client as the application registers it (RFC 6749 section 2). */
export interface Client {
  /** The client identifier; it becomes the `client_id` claim and label. */
  readonly id: string
  /**
   * The client's secret, or several that are live at once while one is replaced. Presence makes the client
   * confidential (RFC 6749 section 2.1), and `undefined` is refused: an unset variable must not make it public. Only a
   * SHA-256 of each is kept: make them random, 32 bytes or more.
   */
  readonly secret?: string | readonly string[] | undefined
  /** The same as base64url SHA-256 digests, for applications that do not hold the secrets themselves. */
  readonly secretDigest?: string | readonly string[] | undefined
  /** The grant types it may use: built in ones, and those of the option `grants`. Default: none. */
  readonly grants?: readonly string[]
  /** The scope it may be granted, and is granted when it asks for none. Default: empty. */
  readonly scope?: readonly string[]
  /**
   * Presence lets it use the introspection endpoint (RFC 7662 section 2.1): `true` for every token, or the audiences
   * whose tokens it may see. Default: `false`.
   */
  readonly introspect?: boolean | readonly string[]
}

/** A client as the kernel uses it: no secret, only digests. */
export interface RegisteredClient {
  readonly id: string
  /** SHA-256 of each secret that is live. */
  readonly secretDigests: readonly Uint8Array[]
  readonly grants: readonly string[]
  readonly scope: readonly string[]
  readonly introspect: boolean | readonly string[]
}

/** Where the kernel looks clients up. */
export interface ClientRegistry {
  /** @throws OAuthError `temporarily_unavailable` when the application's look-up fails, or finds a wrong client */
  find(id: string): Promise<RegisteredClient | undefined>
  /** The clients that are known at start; empty when they are looked up one by one. */
  readonly known: readonly RegisteredClient[]
}

/** RFC 6749 section A.1: client-id = *VSCHAR; and short enough to be a label of telemetry. */
const CLIENT_ID = /^[\x20-\x7E]{1,256}$/
const SHA256_BASE64URL = /^[A-Za-z0-9_-]{43}$/

/** Whether a client could have this id. */
export function isClientId(id: string): boolean {
  return CLIENT_ID.test(id)
}

const list = <T>(value: T | readonly T[] | undefined): readonly T[] =>
  value === undefined ? [] : Array.isArray(value) ? (value as readonly T[]) : [value as T]

const isListOf = (value: unknown, accepts: (item: string) => boolean): boolean =>
  Array.isArray(value) && value.every((item) => typeof item === 'string' && accepts(item))

/** A misspelt one must not make a confidential client public. */
const PROPERTIES: Names<Client> = {
  id: true,
  secret: true,
  secretDigest: true,
  grants: true,
  scope: true,
  introspect: true
}

/**
 * @param grantTypes those there are: another is misspelt, or has no handler
 * @throws TypeError naming the property that is wrong
 */
function registered(given: Client, grantTypes: readonly string[]): RegisteredClient {
  const client = onlyKnown('clients[]', given, PROPERTIES)
  if (typeof client.id !== 'string' || !CLIENT_ID.test(client.id)) {
    throw new TypeError('clients[].id must be 1 to 256 printable ASCII characters')
  }
  noneLost(`clients[] "${client.id}"`, client, ['secret', 'secretDigest'], 'to make the client public')
  const secrets = list(client.secret)
  if (secrets.some((secret) => typeof secret !== 'string' || secret === '')) {
    throw new TypeError(`clients[].secret of "${client.id}" must be a non-empty string, or an array of them`)
  }
  const digests = list(client.secretDigest)
  if (digests.some((value) => !SHA256_BASE64URL.test(value))) {
    throw new TypeError(`clients[].secretDigest of "${client.id}" must be the base64url SHA-256 of the secret`)
  }
  const secretDigests = [...secrets.map(digestBytes), ...digests.map((value) => Buffer.from(value, 'base64url'))]
  if (secretDigests.length === 0 && (client.secret !== undefined || client.secretDigest !== undefined)) {
    throw new TypeError(`clients[] "${client.id}" has an empty list of secrets: leave it out to make the client public`)
  }
  const { grants = [], scope = [], introspect = false } = client
  if (!isListOf(grants, (grant) => grantTypes.includes(grant))) {
    throw new TypeError(
      `clients[].grants of "${client.id}" must be an array of the grant types there are: ${grantTypes.join(', ')}`
    )
  }
  if (!isListOf(scope, isScopeToken)) {
    throw new TypeError(`clients[].scope of "${client.id}" must be an array of scope tokens (RFC 6749 section 3.3)`)
  }
  if (typeof introspect !== 'boolean' && !isListOf(introspect, (audience) => audience !== '')) {
    throw new TypeError(`clients[].introspect of "${client.id}" must be true, false or an array of audiences`)
  }
  if (secretDigests.length === 0 && grants.includes(CLIENT_CREDENTIALS)) {
    throw new TypeError(
      `clients[] "${client.id}" has no secret: the client_credentials grant is for confidential clients only (RFC 6749 section 4.4)`
    )
  }
  return { id: client.id, secretDigests, grants, scope, introspect }
}

/**
 * How clients are given: all of them, or a function that looks one up. What it finds is checked as a list is, other
 * properties included: a client that is wrong is refused with 503, and the log names what is wrong.
 */
export type ClientSource = readonly Client[] | ((id: string) => Promise<Client | undefined>)

async function lookUp(
  source: Exclude<ClientSource, readonly Client[]>,
  id: string,
  grantTypes: readonly string[]
): Promise<RegisteredClient | undefined> {
  try {
    const client = await source(id)
    return client?.id === id ? registered(client, grantTypes) : undefined
  } catch (cause) {
    throw unavailable(cause)
  }
}

/**
 * @param grantTypes the grant types that a client may have
 * @throws TypeError when a client of the list is wrong or appears twice
 */
export function clientRegistry(source: ClientSource, grantTypes: readonly string[]): ClientRegistry {
  if (typeof source === 'function') {
    return {
      known: [],
      find: async (id) => (isClientId(id) ? lookUp(source, id, grantTypes) : undefined)
    }
  }
  const byId = new Map<string, RegisteredClient>()
  for (const client of source.map((given) => registered(given, grantTypes))) {
    if (byId.has(client.id)) throw new TypeError(`clients[].id "${client.id}" appears twice`)
    byId.set(client.id, client)
  }
  return { known: [...byId.values()], find: async (id) => byId.get(id) }
}

/** RFC 6749 section 2.1: a client is confidential when it can keep a secret. */
export function isConfidential(client: RegisteredClient): boolean {
  return client.secretDigests.length > 0
}
