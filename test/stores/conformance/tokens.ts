import type { Test } from 'tap'
import {
  type StoredToken,
  type Succession,
  successorsOf,
  type TokenCount,
  type TokenStore
} from '../../../lib/index.ts'
import { newTokenId } from '../../../lib/oauth/tokens/token-id.ts'

/** Makes an empty store. */
export type CreateStore = (t: Test) => Promise<TokenStore>

export const NOW = 1_800_000_000

/** Inserts tokens that have nothing to do with each other. */
export async function insertEach(store: TokenStore, tokens: readonly StoredToken[]): Promise<void> {
  for (const token of tokens) await store.insert([token])
}

/** An empty store, closed when the test ends. */
export async function openStore(t: Test, createStore: CreateStore): Promise<TokenStore> {
  const store = await createStore(t)
  t.teardown(() => store.close())
  return store
}

/** An access token of client `web`, issued now for an hour, unless told otherwise. */
export function accessToken(given: Partial<StoredToken> = {}): StoredToken {
  const id = newTokenId(NOW, given.family)
  return {
    id,
    type: 'access',
    family: id,
    clientId: 'web',
    subject: 'alice',
    scope: ['orders:read'],
    audience: 'https://api.example',
    issuedAt: NOW,
    expiresAt: NOW + 3600,
    familyExpiresAt: NOW + 864_000,
    trace: undefined,
    spent: undefined,
    revokedAt: undefined,
    ...given
  }
}

/** A refresh token of client `web`, issued now for a day, unless told otherwise. */
export function refreshToken(given: Partial<StoredToken> = {}): StoredToken {
  return accessToken({ type: 'refresh', expiresAt: NOW + 86_400, familyExpiresAt: NOW + 864_000, ...given })
}

/** An access and a refresh token that take a refresh token's place, unless told otherwise for an hour and a day. */
export function succession(token: StoredToken, at: number, given: Partial<Succession> = {}): Succession {
  const second = Math.floor(at)
  return {
    at,
    trace: undefined,
    access: { id: newTokenId(at, token.id), expiresAt: second + 3600, terms: undefined },
    refresh: { id: newTokenId(at, token.id), expiresAt: second + 86_400 },
    receipt: undefined,
    ...given
  }
}

/** Rotates a token into new successors. */
export async function rotate(store: TokenStore, token: StoredToken, at: number) {
  const into = succession(token, at)
  const rotation = await store.rotate(token.id, token.clientId, into)
  const [access, refresh] = successorsOf(token, into)
  return { rotation, access, refresh }
}

/** Counts in an order that can be compared, without those that are zero. */
export function sorted(counts: readonly TokenCount[]): string[] {
  return counts
    .filter(({ count }) => count !== 0)
    .map(({ clientId, type, count }) => `${clientId} ${type} ${count}`)
    .sort()
}
