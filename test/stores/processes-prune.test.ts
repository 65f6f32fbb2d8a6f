import t from 'tap'
import type { TokenStore } from '../../lib/index.ts'
import { newTokenId } from '../../lib/oauth/tokens/token-id.ts'
import { samplesOf } from '../support/metrics.ts'
import { openStore } from '../support/open-store.ts'
import { ENGINES } from '../support/stores.ts'
import { type Replica, startReplica } from '../support/survival/replica.ts'
import { accessToken, refreshToken, rotate } from './conformance/tokens.ts'

/** More tokens than a store prunes in one go. */
const FAMILIES = 20
const TOKENS = 100
const HOUR = 3600

/** Families with many access tokens and one refresh token each, which all end in an hour. */
async function insertFamilies(store: TokenStore): Promise<void> {
  const issuedAt = Math.floor(Date.now() / 1000)
  for (let index = 0; index < FAMILIES; index += 1) {
    const family = newTokenId(issuedAt)
    const common = { family, issuedAt, expiresAt: issuedAt + HOUR, subject: `user-${index}` }
    const tokens = Array.from({ length: TOKENS }, () => accessToken({ ...common, id: newTokenId(issuedAt, family) }))
    await store.insert([...tokens, refreshToken({ ...common, id: newTokenId(issuedAt, family) })])
  }
}

/** What has expired, in the counters of all replicas together, each scraped at the same time. */
async function expired(replicas: readonly Replica[]): Promise<Record<string, number>> {
  const scraped = await Promise.all(replicas.map((replica) => replica.scrape()))
  const totals: Record<string, number> = {}
  for (const samples of scraped) {
    for (const [labels, count] of Object.entries(samplesOf(samples, 'oauth2_token_expired_total'))) {
      if (count > 0) totals[labels] = (totals[labels] ?? 0) + count
    }
  }
  return totals
}

const sampleOf = (type: string) => `{oauth2_client_id="web",oauth2_token_type="${type}"}`

for (const [name, start] of Object.entries(ENGINES)) {
  t.test(`${name}: of two replicas that prune at once, one counts each token that has expired`, async (t) => {
    const engine = await start(t)
    if (engine === undefined) return
    const spec = engine.newStore()
    const replicas = await Promise.all([startReplica(t, spec), startReplica(t, spec)])
    const store = await openStore(spec)
    t.teardown(() => store.close())
    await insertFamilies(store)
    t.strictSame(await expired(replicas), {}, 'nothing has expired')

    const now = Math.floor(Date.now() / 1000)
    const spent = refreshToken({ issuedAt: now, expiresAt: now + HOUR })
    await store.insert([spent])
    t.match((await rotate(store, spent, now)).rotation, { won: true })
    await store.revoke({ subject: 'user-0' }, now, 'admin')

    for (const replica of replicas) await replica.postJson('/clock', { seconds: HOUR + 1 })
    await expired(replicas)
    const families = FAMILIES - 1
    const all = { [sampleOf('access')]: families * TOKENS + 1, [sampleOf('refresh')]: families }
    t.strictSame(await expired(replicas), all, 'and none that was spent or revoked')
    t.strictSame(await expired(replicas), all, 'once')
  })
}
