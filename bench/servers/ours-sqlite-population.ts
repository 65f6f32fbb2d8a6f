import type { StoredToken, TokenStore } from '../../lib/index.ts'
import { newRefreshToken, newTokenId, refreshTokenId } from '../../lib/oauth/tokens/token-id.ts'
import { audience, sampledParent, scope } from '../scenario.ts'

/** Those who have tokens. */
export interface Population {
  tokens: number
  clients: number
  /** When a pair, of so many, was issued, and when its tokens expire. */
  times: (pair: number, of: number) => { issuedAt: number; access: number; refresh: number }
}

/** A refresh token and whose it is. */
export interface Holder {
  clientId: string
  refreshToken: string
}

const subjectsPerToken = 1 / 10
const atOnce = 500
/** Spreads subsequent numbers evenly. */
const spread = 2_654_435_761

/** Writes pairs of live tokens by way of the store, and gives a sample of them. */
export async function populate(
  store: TokenStore,
  { tokens, clients, times }: Population,
  sample: number
): Promise<{ holders: Holder[]; ids: string[] }> {
  const pairs = tokens / 2
  const everyOther = Math.max(1, Math.floor(pairs / sample))
  const subjects = Math.max(1, Math.floor(tokens * subjectsPerToken))
  const holders: Holder[] = []
  const ids: string[] = []
  for (let first = 0; first < pairs; first += atOnce) {
    const writes: Promise<boolean>[] = []
    for (let pair = first; pair < Math.min(first + atOnce, pairs); pair++) {
      const { issuedAt, access, refresh } = times(pair, pairs)
      const id = newTokenId(issuedAt)
      const refreshToken = newRefreshToken(issuedAt, id)
      const token: StoredToken = {
        id,
        type: 'access',
        family: id,
        clientId: `client-${pair % clients}`,
        subject: `user-${Math.floor(Math.random() * subjects)}`,
        scope: [scope],
        audience,
        issuedAt,
        expiresAt: access,
        familyExpiresAt: refresh,
        trace: sampledParent,
        spent: undefined,
        revokedAt: undefined
      }
      writes.push(
        store.insert([token, { ...token, id: refreshTokenId(refreshToken), type: 'refresh', expiresAt: refresh }])
      )
      if (pair % everyOther === 0) {
        holders.push({ clientId: token.clientId, refreshToken })
        ids.push(id)
      }
    }
    await Promise.all(writes)
  }
  return { holders: shuffled(holders), ids: shuffled(ids) }
}

function shuffled<T>(values: T[]): T[] {
  return values
    .map((value, index) => ({ value, place: ((index + 1) * spread) % 1_000_003 }))
    .sort((a, b) => a.place - b.place)
    .map(({ value }) => value)
}
