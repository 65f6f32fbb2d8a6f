import { type Family, Journal } from './journal.ts'
import type { Replica } from './replica.ts'

/** How many families of each kind are used again. */
const SAMPLE = 10

/**
 * Uses families again after a restart, each in one way, and says what did not come to what it should have: what lives can be
 * used, once; what is dead cannot; what is in doubt can be used once at most.
 */
export async function surprises(replica: Replica, { families }: Journal): Promise<string[]> {
  const found = new Set<string>()
  const expect = (status: number, wanted: readonly number[], what: string) => {
    if (!wanted.includes(status)) found.add(`${what}: ${status}`)
  }
  const present = async (refresh_token: string): Promise<number> =>
    (await replica.postForm('/oauth/token', { grant_type: 'refresh_token', refresh_token })).status
  const call = async (access_token: string): Promise<number> => (await replica.callOrders(access_token)).status
  const some = (wanted: (family: Family) => boolean) => families.filter(wanted).slice(-SAMPLE)

  const alive = some(({ revoked, doubt }) => !revoked && doubt === undefined)
  const dead = some(({ revoked }) => revoked)
  const refreshed = some(({ pairs, revoked }) => pairs.length > 1 && !revoked)
  for (const family of alive) {
    const { access_token, refresh_token } = Journal.current(family)
    expect(await call(access_token), [200], 'an access token')
    expect(await present(refresh_token), [200], 'a refresh token')
    expect(await present(refresh_token), [400], 'a refresh token that is spent')
  }
  for (const family of families.filter(({ doubt }) => doubt === 'refresh')) {
    const { refresh_token } = Journal.current(family)
    expect(await present(refresh_token), [200, 400], 'a refresh token in doubt')
    expect(await present(refresh_token), [400], 'a refresh token in doubt, again')
  }
  for (const family of dead) {
    const { access_token, refresh_token } = Journal.current(family)
    expect(await call(access_token), [401], 'a revoked access token')
    expect(await present(refresh_token), [400], 'a revoked refresh token')
  }
  for (const { pairs } of refreshed) expect(await present(pairs[0].refresh_token), [400], 'a token spent before')
  return [...found]
}
