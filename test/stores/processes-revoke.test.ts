import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { TokenStore } from '../../lib/index.ts'
import { isLive } from '../../lib/oauth/tokens/token.ts'
import { refreshTokenId } from '../../lib/oauth/tokens/token-id.ts'
import { openStore, type StoreSpec } from '../support/open-store.ts'
import { ENGINES } from '../support/stores.ts'
import type { Pair } from '../support/survival/journal.ts'
import { type Replica, startReplica } from '../support/survival/replica.ts'
import { SECONDS } from '../support/survival/sizes.ts'
import { jtiOf } from '../support/truth/world.ts'

const PROCESSES = 2
const FAMILIES = 8
/** Refreshes go on for up to so long before the revocation. */
const HEAD_START_MS = 25

/** What is revoked: everything the families of a round have in common. */
const SELECTORS = [(subject: string) => ({ subject }), () => ({ clientId: 'web' })]

/**
 * Refreshes a family, at one replica after the other, until it is refused, or goes on although it has been revoked;
 * resolves to all its tokens.
 */
async function refreshToTheEnd(replicas: readonly Replica[], first: Pair, isRevoked: () => boolean) {
  const pairs = [first]
  for (let turn = 0; ; turn += 1) {
    const form = { grant_type: 'refresh_token', refresh_token: pairs.at(-1)?.refresh_token ?? '' }
    const wasRevoked = isRevoked()
    const answer = await replicas[turn % replicas.length]?.postForm('/oauth/token', form)
    if (answer?.status !== 200) return { pairs, end: `${answer?.status} ${JSON.parse(answer?.body ?? '{}').error}` }
    pairs.push(JSON.parse(answer.body))
    if (wasRevoked) return { pairs, end: 'refreshed after the revocation' }
  }
}

/** Families are refreshed while all of them are revoked; resolves to what was wrong, and how many refreshes there were. */
async function race(replicas: readonly Replica[], store: TokenStore, round: number) {
  const subject = `user-${round}`
  const issued = await Promise.all(
    Array.from({ length: FAMILIES }, (_, index) => replicas[index % replicas.length]?.postJson('/login', { subject }))
  )
  const families = issued.map((answer): Pair => JSON.parse(answer?.body ?? '{}'))
  let isRevoked = false
  const chains = families.map((first) => refreshToTheEnd(replicas, first, () => isRevoked))
  await sleep(Math.random() * HEAD_START_MS)
  const selector = SELECTORS[round % SELECTORS.length]?.(subject) ?? {}
  const revoked = await replicas[round % replicas.length]?.postJson('/revoke-all', selector)
  isRevoked = true
  const ended = await Promise.all(chains)

  const now = Date.now() / 1000
  const ids = ended.flatMap(({ pairs }) =>
    pairs.flatMap(({ access_token, refresh_token }) => [jtiOf(access_token), refreshTokenId(refresh_token)])
  )
  const found = await Promise.all(ids.map((id) => store.find(id)))
  const counted = (await store.countLive(now)).reduce((sum, { count }) => sum + count, 0)
  const wrong = {
    issuing: issued.filter((answer) => answer?.status !== 200).length,
    revoking: revoked?.status === 200 ? 0 : 1,
    lost: found.filter((token) => token === undefined).length,
    alive: found.filter((token) => token !== undefined && isLive(token, now)).length,
    counted,
    ends: ended.map(({ end }) => end).filter((end) => end !== '400 invalid_grant')
  }
  return { wrong, refreshes: ids.length / 2 - FAMILIES }
}

const NOTHING_WRONG = { issuing: 0, revoking: 0, lost: 0, alive: 0, counted: 0, ends: [] }

async function start(t: Test, spec: StoreSpec) {
  const store = await openStore(spec)
  t.teardown(() => store.close())
  return { store, replicas: await Promise.all(Array.from({ length: PROCESSES }, () => startReplica(t, spec))) }
}

t.setTimeout((SECONDS * Object.keys(ENGINES).length + 240) * 1000)

for (const [name, startEngine] of Object.entries(ENGINES)) {
  t.test(`${name}: refreshes in two processes race revocations for ${SECONDS} s: no token stays alive`, async (t) => {
    const engine = await startEngine(t)
    if (engine === undefined) return
    const { store, replicas } = await start(t, engine.newStore())
    const end = Date.now() + SECONDS * 1000
    let refreshes = 0
    let round = 0
    for (; Date.now() < end; round += 1) {
      const result = await race(replicas, store, round)
      refreshes += result.refreshes
      if (JSON.stringify(result.wrong) !== JSON.stringify(NOTHING_WRONG)) t.strictSame(result.wrong, NOTHING_WRONG)
      // The clocks of two processes agree to a millisecond.
      await sleep(2)
    }
    t.ok(round > 2 && refreshes > round, `${round} revocations, ${refreshes} refreshes`)
  })
}
