import assert from 'node:assert/strict'
import t, { type Test } from 'tap'
import { refreshTokenId } from '../lib/oauth/token-id.ts'
import { CommandedStore } from './support/commanded-store.ts'
import { scrape } from './support/metrics.ts'
import { seededRandom } from './support/random.ts'
import { AUDIENCE, buildServer, stoppedClock } from './support/server.ts'
import * as ending from './support/truth/ending.ts'
import { tokenSamples } from './support/truth/expected-metrics.ts'
import * as issuing from './support/truth/issuing.ts'
import { Model, type ModelRules } from './support/truth/model.ts'
import * as presenting from './support/truth/presenting.ts'
import { CLIENTS, FILES, type Step, type World } from './support/truth/world.ts'

/** A failure prints its seed; run it again with `TRUTH_SEED=<seed>`. */
const SEED = Number(process.env.TRUTH_SEED ?? Math.floor(Math.random() * 2 ** 32))
const STEPS = 10_000
const STEPS_BETWEEN_SCRAPES = 200

/** Short lives, so that a history sees many ends. */
const LIFETIMES = { accessTtl: 300, idleTtl: 2_000, absoluteTtl: 6_000 }

/** What may happen, and how often. */
const WEIGHTS: readonly (readonly [Step, number])[] = [
  [issuing.issueDirectly, 12],
  [issuing.useClientCredentials, 6],
  [issuing.refresh, 22],
  [issuing.refreshTwice, 1],
  [issuing.raceToRefresh, 1],
  [issuing.getNowhere, 5],
  [ending.revokeAtEndpoint, 4],
  [ending.revokeNothing, 1],
  [ending.revokeByApplication, 2],
  [ending.revokeSubject, 1],
  [ending.revokeFamily, 1],
  [ending.revokeClient, 0.3],
  [ending.passTime, 15],
  [presenting.callWithToken, 15],
  [presenting.validateByApplication, 3],
  [presenting.callWithForgery, 4],
  [presenting.callMalformed, 1],
  [presenting.introspect, 8],
  [presenting.introspectInVain, 1]
]
const ALL_WEIGHTS = WEIGHTS.reduce((sum, [, weight]) => sum + weight, 0)

function pickStep(number: number): Step {
  let left = number * ALL_WEIGHTS
  for (const [step, weight] of WEIGHTS) {
    left -= weight
    if (left < 0) return step
  }
  return ending.passTime
}

/** A history that has not seen these proves little. */
const MUST_HAPPEN = [
  'issued_total{oauth2_client_id="reports",oauth2_grant_type="client_credentials"}',
  'issued_total{oauth2_client_id="web",oauth2_grant_type="refresh_token"}',
  'reuse_outcome="theft"',
  'revocation_reason="security_incident"',
  'revocation_reason="client_request"',
  'revocation_reason="_OTHER"',
  'error_type="invalid_client"',
  'error_type="invalid_scope"',
  'error_type="invalid_target"',
  'expired_total{oauth2_client_id="web",oauth2_token_type="refresh"}',
  'active="true",oauth2_client_id="files"',
  ...['expired', 'revoked', 'reused', 'not_found', 'wrong_client', 'insufficient_scope', 'bad_signature'].map(
    (reason) => `validation_reason="${reason}"`
  )
]

/** Every number on `/metrics` is the model's, and no family has two live refresh tokens. */
async function assertTruth({ server, store, clock, model: { ledger } }: World): Promise<void> {
  ledger.prune()
  const scraped = await scrape(server)
  assert.deepEqual(tokenSamples(scraped), ledger.metrics.samples(ledger.active(), scraped))

  const alive = new Map<string, number>()
  for (const { value, type } of ledger.tokens) {
    if (type !== 'refresh') continue
    const token = await store.find(refreshTokenId(value))
    if (token === undefined || token.spent || token.revokedAt || clock.now() >= token.expiresAt) continue
    alive.set(token.family, (alive.get(token.family) ?? 0) + 1)
  }
  assert.deepEqual(
    [...alive].filter(([, count]) => count > 1),
    [],
    'no family has two live refresh tokens'
  )
}

async function live(t: Test, rules: ModelRules, seed: number): Promise<World> {
  const { accessTtl, idleTtl, absoluteTtl, graceWindow, reuse } = rules
  const clock = stoppedClock()
  const store = new CommandedStore()
  const server = await buildServer(t, {
    clients: CLIENTS,
    audience: [AUDIENCE, FILES],
    store,
    now: clock.now,
    accessTokenTtl: accessTtl,
    refreshToken: { idleTtl, absoluteTtl, graceWindow, reuse },
    failedAttempts: { max: 1_000_000, window: 60 },
    pruneInterval: 86_400
  })
  const random = seededRandom(seed)
  const world: World = { server, store, clock, model: new Model(rules, clock.now()), random }
  for (let number = 1; number <= STEPS; number += 1) {
    const step = pickStep(random.below(2 ** 30) / 2 ** 30)
    try {
      await step(world)
      if (number % STEPS_BETWEEN_SCRAPES === 0) await assertTruth(world)
    } catch (error) {
      t.comment(`TRUTH_SEED=${SEED}, step ${number}: ${step.name}`)
      throw error
    }
  }
  return world
}

const HISTORIES: Readonly<Record<string, ModelRules>> = {
  'a reuse revokes the user': { ...LIFETIMES, reuse: 'user', graceWindow: 0 },
  'a reuse revokes the family': { ...LIFETIMES, reuse: 'family', graceWindow: 0 },
  'a grace window forgives': { ...LIFETIMES, reuse: 'user', graceWindow: 30 }
}

t.setTimeout(280_000)

for (const [name, rules] of Object.entries(HISTORIES)) {
  t.test(`truth: ${STEPS} random steps, and /metrics says exactly what happened; ${name}`, async (t) => {
    t.comment(`TRUTH_SEED=${SEED}`)
    const { model } = await live(t, rules, SEED)
    const happened = Object.keys(model.ledger.metrics.samples([], new Map()))
    for (const what of [...MUST_HAPPEN, `reuse_outcome="${rules.graceWindow > 0 ? 'grace' : 'race_lost'}"`]) {
      t.ok(
        happened.some((sample) => sample.includes(what)),
        `it has seen ${what}`
      )
    }
  })
}
