import type { StoredToken, TokenStore } from '../../../lib/index.ts'
import { isLive } from '../../../lib/oauth/tokens/token.ts'
import { refreshTokenId } from '../../../lib/oauth/tokens/token-id.ts'
import { jtiOf } from '../truth/world.ts'
import type { Family, Journal } from './journal.ts'

interface FoundPair {
  readonly access: StoredToken | undefined
  readonly refresh: StoredToken | undefined
}

/** Every promise of the journal that the store does not keep, in words. */
export async function brokenPromises(store: TokenStore, { families }: Journal): Promise<string[]> {
  const broken = await Promise.all(families.map((family) => brokenIn(store, family)))
  return broken.flat()
}

async function brokenIn(store: TokenStore, family: Family): Promise<string[]> {
  const pairs = await Promise.all(
    family.pairs.map(
      async ({ access_token, refresh_token }): Promise<FoundPair> => ({
        access: await store.find(jtiOf(access_token)),
        refresh: await store.find(refreshTokenId(refresh_token))
      })
    )
  )
  const { doubt, revoked } = family
  const last = pairs.at(-1)
  const successor = last?.refresh?.spent && (await store.find(last.refresh.spent.successor))
  const now = Date.now() / 1000
  const lives = (token: StoredToken | undefined) => token !== undefined && isLive(token, now)
  const accessTokens = pairs.map(({ access }) => access)
  const all = [...pairs.flatMap(({ access, refresh }) => [access, refresh]), successor]

  const promises: Record<string, boolean> = {
    'an acknowledged token is there': pairs.every(
      ({ access, refresh }) => access !== undefined && refresh !== undefined
    ),
    'a token that was refreshed is spent for the one that was given': pairs
      .slice(0, -1)
      .every(({ refresh }, index) => refresh?.spent?.successor === pairs[index + 1]?.refresh?.id),
    'an acknowledged revocation holds': !revoked || !all.some(lives),
    'what was not revoked lives': revoked || doubt === 'revoke' || accessTokens.every(lives),
    'the last refresh token lives, or was spent in doubt':
      revoked || doubt === 'revoke' || lives(last?.refresh) || (doubt === 'refresh' && lives(successor)),
    'a revocation in doubt is done or not': doubt !== 'revoke' || accessTokens.every(lives) || !all.some(lives),
    'one refresh token lives at most': all.filter((token) => token?.type === 'refresh' && lives(token)).length <= 1
  }
  return Object.entries(promises)
    .filter(([, isKept]) => !isKept)
    .map(([promise]) => promise)
}
