import { createPrivateKey, type KeyObject } from 'node:crypto'
import { asOAuthError } from '../oauth/errors.ts'
import type { TokenStore } from '../oauth/store/store.ts'
import { open, seal } from '../oauth/tokens/sealing.ts'
import { algorithmsOf } from './algorithms.ts'
import { type GeneratedAlgorithm, generateSigningKey } from './signing-keys.ts'

/** What a sealed key begins with; base64url follows. */
const SEALED = 'sealed:'

/** Where a generated key is kept. */
export interface KeyKeeping {
  readonly store: Pick<TokenStore, 'keep'>
  /** The class of the store, for messages. */
  readonly storeName: string
  /** Presence seals the key, so that whoever reads the store cannot sign. */
  readonly secret: string | undefined
}

/**
 * The generated signing key of a store: the one that is kept there, whoever kept it first, and so the same for all
 * replicas and after every restart.
 *
 * @throws TypeError when the key was sealed with another secret, or one of the two is there without the other
 * @throws Error when the store fails, or what it keeps is no key for the algorithm
 */
export async function keptSigningKey(
  algorithm: GeneratedAlgorithm,
  { store, storeName, secret }: KeyKeeping
): Promise<KeyObject> {
  const name = `signing-key:${algorithm}`
  const pem = generateSigningKey(algorithm).export({ type: 'pkcs8', format: 'pem' }) as string
  const ours = secret === undefined ? pem : SEALED + seal(pem, secret, name)
  let kept: string
  try {
    kept = await store.keep(name, ours)
  } catch (cause) {
    const why = String(asOAuthError(cause).cause)
    throw new Error(`the store (${storeName}) fails: the signing key that it keeps cannot be had: ${why}`, { cause })
  }
  const what = `what the store (${storeName}) keeps as "${name}"`
  const opened = unsealed(kept, name, what, secret)
  try {
    return privateKeyFor(algorithm, opened)
  } catch (cause) {
    throw new Error(`${what} is no private key for ${algorithm}: remove it, and a new one is made`, { cause })
  }
}

/** A key of another kind would change the algorithm without a word. @throws when it is no such key */
function privateKeyFor(algorithm: GeneratedAlgorithm, pem: string): KeyObject {
  const key = createPrivateKey(pem)
  if (!algorithmsOf(key).includes(algorithm)) throw new TypeError('it is too weak, or of another kind')
  return key
}

function unsealed(kept: string, name: string, what: string, secret: string | undefined): string {
  if (!kept.startsWith(SEALED)) {
    if (secret === undefined) return kept
    // A key that anyone could have put there is none to trust.
    throw new TypeError(`signingKeySecret: ${what} is not sealed. Leave the option out, or remove that key`)
  }
  if (secret === undefined) throw new TypeError(`signingKeySecret is missing: ${what} is sealed with one`)
  try {
    return open(kept.slice(SEALED.length), secret, name)
  } catch (cause) {
    throw new TypeError(`signingKeySecret is wrong: ${what} is sealed with another one`, { cause })
  }
}
