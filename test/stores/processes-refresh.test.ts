import t, { type Test } from 'tap'
import type { TokenStore } from '../../lib/index.ts'
import { isLive } from '../../lib/oauth/tokens/token.ts'
import { refreshTokenId } from '../../lib/oauth/tokens/token-id.ts'
import { openStore } from '../support/open-store.ts'
import { ENGINES, type Engine } from '../support/stores.ts'
import { type Answer, type Replica, startReplicas } from '../support/survival/replica.ts'
import { FAMILIES } from '../support/survival/sizes.ts'
import { sorted } from './conformance/tokens.ts'

const PROCESSES = 4
const CLIENTS = 50
/** So many families are raced for at the same time. */
const AT_ONCE = 4

interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
}

const isWon = ({ status }: Answer) => status === 200
const tokensOf = ({ body }: Answer): Tokens => JSON.parse(body)

/** Families that have one refresh token each, issued by all processes in turn. */
async function issueFamilies(replicas: readonly Replica[]): Promise<Tokens[]> {
  const families: Tokens[] = []
  while (families.length < FAMILIES) {
    const issued = replicas.map((replica, index) =>
      replica.postJson('/login', { subject: `user-${families.length + index}` })
    )
    families.push(...(await Promise.all(issued)).map(tokensOf))
  }
  return families.slice(0, FAMILIES)
}

/** All clients present the same refresh token at the same time, spread over all processes. */
function race(replicas: readonly Replica[], { refresh_token }: Tokens): Promise<Answer[]> {
  const form = { grant_type: 'refresh_token', refresh_token }
  const clients = Array.from({ length: CLIENTS / replicas.length }, () => replicas)
  const rest = replicas.slice(0, CLIENTS - clients.length * replicas.length)
  return Promise.all([...clients.flat(), ...rest].map((replica) => replica.postForm('/oauth/token', form)))
}

/** Races for every family; resolves to the answers, in the order of the families. */
async function raceAll(replicas: readonly Replica[], families: readonly Tokens[]): Promise<Answer[][]> {
  const answers: Answer[][] = []
  for (let index = 0; index < families.length; index += AT_ONCE) {
    const some = families.slice(index, index + AT_ONCE)
    answers.push(...(await Promise.all(some.map((family) => race(replicas, family)))))
  }
  return answers
}

/** How often each answer was given: its status, and the error if there is one. */
function tally(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { status, body } of answers) {
    const name = status === 200 ? '200' : `${status} ${JSON.parse(body).error}`
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

/** A counter, added up over all processes. */
async function total(replicas: readonly Replica[], name: string): Promise<number> {
  const scraped = await Promise.all(replicas.map((replica) => replica.scrape()))
  return scraped.reduce((sum, samples) => sum + (samples.get(name) ?? 0), 0)
}

/** How many of these refresh tokens are live. */
async function countLive(store: TokenStore, refreshTokens: readonly string[]): Promise<number> {
  const found = await Promise.all(refreshTokens.map((token) => store.find(refreshTokenId(token))))
  return found.filter((token) => token !== undefined && isLive(token, Date.now() / 1000)).length
}

/** How the server takes a second use of a refresh token. */
const RULES = [
  { reuse: 'family', graceWindow: 0 },
  { reuse: 'family', graceWindow: 60 }
] as const

/** Replicas in four processes, by the rule they follow; those of a rule share a store. */
async function startAll(t: Test, engine: Engine): Promise<{ store: TokenStore; replicas: Replica[] }[]> {
  const specs = RULES.map((refreshToken) => ({ store: engine.newStore(), options: { refreshToken } }))
  const processes = await Promise.all(Array.from({ length: PROCESSES }, () => startReplicas(t, specs)))
  return Promise.all(
    specs.map(async ({ store: spec }, rule) => {
      const store = await openStore(spec)
      t.teardown(() => store.close())
      return { store, replicas: processes.flatMap((replicas) => replicas.slice(rule, rule + 1)) }
    })
  )
}

/** All clients race for all families. */
async function refreshAll(t: Test, replicas: readonly Replica[]): Promise<{ families: Tokens[]; answers: Answer[][] }> {
  const families = await issueFamilies(replicas)
  const began = performance.now()
  const answers = await raceAll(replicas, families)
  const seconds = (performance.now() - began) / 1000
  t.comment(`${FAMILIES * CLIENTS} refreshes in ${seconds.toFixed(1)} s`)
  return { families, answers }
}

const REUSED = 'oauth2_token_reuse_detected_total{oauth2_client_id="web",oauth2_reuse_outcome='
const REFRESHED = 'oauth2_token_refreshed_total{oauth2_client_id="web"}'

t.setTimeout(280_000 + FAMILIES * 1000)

for (const [name, start] of Object.entries(ENGINES)) {
  t.test(`${name}: ${PROCESSES} processes, ${CLIENTS} clients, every family refreshed by all at once`, async (t) => {
    const engine = await start(t)
    if (engine === undefined) return
    const [strict, forgiving] = await startAll(t, engine)
    if (strict === undefined || forgiving === undefined) throw new Error('there are two rules')

    await t.test('exactly one wins; it is a reuse for the others, and nothing stays alive', async (t) => {
      const { replicas, store } = strict
      const { families, answers } = await refreshAll(t, replicas)
      const unexpected = answers.map(tally).filter((counts) => counts['200'] !== 1)
      t.strictSame(unexpected, [], 'one winner in each family')
      t.strictSame(tally(answers.flat()), { '200': FAMILIES, '400 invalid_grant': FAMILIES * (CLIENTS - 1) }, 'answers')
      t.equal(await total(replicas, REFRESHED), FAMILIES, 'refreshes counted')
      const detected = await Promise.all(['race_lost', 'theft'].map((how) => total(replicas, `${REUSED}"${how}"}`)))
      t.ok(Number(detected[0]) > 0, `${detected[0]} were told by the store that they had lost`)
      t.ok(Number(detected[0]) + Number(detected[1]) <= FAMILIES * (CLIENTS - 1), 'others came when it was revoked')
      const successors = answers.flat().filter(isWon).map(tokensOf)
      const tokens = [...families, ...successors].map(({ refresh_token }) => refresh_token)
      t.equal(await countLive(store, tokens), 0, 'live refresh tokens')
      t.strictSame(sorted(await store.countLive(Date.now() / 1000)), [], 'the gauge')
    })

    await t.test('in a grace window all are given the one successor, which stays alive', async (t) => {
      const { replicas, store } = forgiving
      const { families, answers } = await refreshAll(t, replicas)
      t.strictSame(tally(answers.flat()), { '200': FAMILIES * CLIENTS }, 'answers')
      const successors = answers.map((ofFamily) => new Set(ofFamily.map((answer) => tokensOf(answer).refresh_token)))
      t.strictSame(
        successors.map(({ size }) => size).filter((size) => size !== 1),
        [],
        'one successor in each family'
      )
      t.equal(await total(replicas, REFRESHED), FAMILIES, 'refreshes counted')
      t.equal(await total(replicas, `${REUSED}"grace"}`), FAMILIES * (CLIENTS - 1), 'forgiven')
      const old = families.map(({ refresh_token }) => refresh_token)
      t.equal(await countLive(store, old), 0, 'the old ones are spent')
      t.equal(
        await countLive(
          store,
          successors.flatMap((set) => [...set])
        ),
        FAMILIES
      )
      const live = [`web access ${2 * FAMILIES}`, `web refresh ${FAMILIES}`]
      t.strictSame(sorted(await store.countLive(Date.now() / 1000)), live)
    })
  })
}
