import type { Test } from 'tap'
import type { TokenStore } from '../../../lib/index.ts'
import { CommandedStore } from '../commanded-store.ts'
import { seededRandom } from '../random.ts'
import { AUDIENCE, buildServer, stoppedClock } from '../server.ts'
import { Model, type ModelRules } from './model.ts'
import { pickStep } from './steps.ts'
import { assertTruth } from './truth.ts'
import { CLIENTS, FILES, type Running, type World } from './world.ts'

/** A failure prints its seed; run it again with `TRUTH_SEED=<seed>`. */
const SEED = Number(process.env.TRUTH_SEED ?? Math.floor(Math.random() * 2 ** 32))
const STEPS_BETWEEN_SCRAPES = 200

/** Short lives, so that a history sees many ends. */
const LIFETIMES = { accessTtl: 300, idleTtl: 2_000, absoluteTtl: 6_000 }

const RULES: Readonly<Record<string, ModelRules>> = {
  'a reuse revokes the user': { ...LIFETIMES, reuse: 'user', graceWindow: 0 },
  'a reuse revokes the family': { ...LIFETIMES, reuse: 'family', graceWindow: 0 },
  'a grace window forgives': { ...LIFETIMES, reuse: 'user', graceWindow: 30 }
}

/** Histories that have not seen these prove little. */
const MUST_HAPPEN = [
  'issued_total{oauth2_client_id="reports",oauth2_grant_type="client_credentials"}',
  'issued_total{oauth2_client_id="web",oauth2_grant_type="refresh_token"}',
  ...['theft', 'race_lost', 'grace'].map((outcome) => `reuse_outcome="${outcome}"`),
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

/** One history; resolves to the names of what has happened in it, and to how many servers it has seen. */
async function live(t: Test, rules: ModelRules, steps: number, open: () => Promise<TokenStore>) {
  const { accessTtl, idleTtl, absoluteTtl, graceWindow, reuse } = rules
  const clock = stoppedClock()
  let servers = 0
  const start = async (): Promise<Running> => {
    servers += 1
    const store = new CommandedStore(await open())
    const server = await buildServer(t, {
      clients: CLIENTS,
      audience: [AUDIENCE, FILES],
      resource: [AUDIENCE, FILES],
      store,
      now: clock.now,
      accessTokenTtl: accessTtl,
      refreshToken: { idleTtl, absoluteTtl, graceWindow, reuse },
      failedAttempts: { max: 1_000_000, window: 60 },
      pruneInterval: 86_400
    })
    return { server, store }
  }
  const model = new Model(rules, clock.now())
  const random = seededRandom(SEED)
  const world: World = { running: await start(), start, clock, model, random }
  for (let number = 1; number <= steps; number += 1) {
    const step = pickStep(random.below(2 ** 30) / 2 ** 30)
    try {
      await step(world)
      if (number % STEPS_BETWEEN_SCRAPES === 0) await assertTruth(world)
    } catch (error) {
      t.comment(`TRUTH_SEED=${SEED}, step ${number}: ${step.name}`)
      throw error
    }
  }
  return { happened: model.ledger.metrics.names(), servers }
}

/** In so many steps everything happens that may. */
const ENOUGH = 10_000

/**
 * Random histories of servers that come and go on one store, one history under each rule.
 *
 * @param createStore makes a place for a new store; gives what opens it, again and again
 */
export async function testTruth(t: Test, steps: number, createStore: () => () => Promise<TokenStore>): Promise<void> {
  t.comment(`TRUTH_SEED=${SEED}`)
  const happened: string[] = []
  let servers = 0
  for (const [name, rules] of Object.entries(RULES)) {
    await t.test(`${steps} random steps, and /metrics says exactly what happened; ${name}`, async (t) => {
      const history = await live(t, rules, steps, createStore())
      happened.push(...history.happened)
      servers += history.servers
      t.pass(`${history.servers} servers`)
    })
  }
  t.ok(servers > Object.keys(RULES).length, 'servers have ended, and others begun')
  if (steps < ENOUGH) return
  for (const what of MUST_HAPPEN) {
    t.ok(
      happened.some((name) => name.includes(what)),
      `they have seen ${what}`
    )
  }
}
