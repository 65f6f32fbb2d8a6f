import assert from 'node:assert/strict'
import type { LightMyRequestResponse } from 'fastify'
import type { Answer, ModelToken } from './ledger.ts'
import type { ModelClient, RefreshAttempt, RefreshOutcome } from './model.ts'
import {
  AUDIENCES,
  assertRefused,
  BACKEND,
  MOBILE,
  pickToken,
  postAs,
  REFRESHERS,
  REPORTS,
  SCOPE,
  type Step,
  SUBJECTS,
  WEB,
  type World
} from './world.ts'

export const issueDirectly: Step = async ({ running: { server }, model, random }) => {
  const clientId = random.pick(REFRESHERS).id
  const subject = random.pick(SUBJECTS)
  const scope = random.pick([SCOPE, SCOPE, ['orders:read'], ['orders:write']])
  const audience = random.pick(AUDIENCES)
  const refreshable = random.chance(0.8)
  const answer = await server.oauth.issue({ clientId, subject, scope, audience, refreshable })
  assert.equal(answer.refresh_token !== undefined, refreshable)
  model.issued({ clientId, subject, scope, audience: [audience] }, 'direct', answer)
}

export const useClientCredentials: Step = async (world) => {
  const by = world.random.pick<ModelClient>([REPORTS, BACKEND])
  const scope = world.random.pick([undefined, 'orders:read', 'orders:read orders:write', 'orders:delete'])
  const resource = world.random.pick([...AUDIENCES, 'https://elsewhere.example'])
  const grantType = 'client_credentials'
  const response = await postAs(world, by, 'token', { grant_type: grantType, scope, resource })
  const error =
    scope === 'orders:delete' ? 'invalid_scope' : resource.includes('elsewhere') ? 'invalid_target' : undefined
  if (error !== undefined) {
    assertRefused(response, 400, error)
    world.model.refused(by.id, grantType, error)
    return
  }
  assert.equal(response.statusCode, 200)
  const grant = { clientId: by.id, subject: undefined, scope: scope?.split(' ') ?? SCOPE, audience: [resource] }
  world.model.issued(grant, grantType, response.json())
}

/** Mostly the living; the others are what reuse, theft and forgetfulness present. */
function anyRefreshToken(world: World): ModelToken | undefined {
  const { random, model } = world
  const kind = random.pick(['live', 'live', 'live', 'live', 'live', 'live', 'spent', 'dead', 'dead', 'any', 'access'])
  return pickToken(world, (token) => {
    if (kind === 'access') return token.type === 'access'
    if (token.type !== 'refresh') return false
    if (kind === 'live') return model.ledger.isLive(token)
    if (kind === 'spent') return token.spent !== undefined && !token.forgotten
    return kind === 'any' || !model.ledger.isLive(token)
  })
}

const clientOf = ({ clientId }: ModelToken): ModelClient | undefined => REFRESHERS.find(({ id }) => id === clientId)

function send(world: World, { value, by, scope, resource }: RefreshAttempt): Promise<LightMyRequestResponse> {
  return postAs(world, by, 'token', { grant_type: 'refresh_token', refresh_token: value, scope, resource })
}

function settle(outcome: RefreshOutcome, response: LightMyRequestResponse): void {
  if ('error' in outcome) {
    assertRefused(response, 400, outcome.error)
    return
  }
  assert.equal(response.statusCode, 200, response.body)
  if ('again' in outcome) assert.deepEqual(readable(response.json()), readable(outcome.again))
  else outcome.rotated(response.json())
}

/** An answer without the signature, which is not the same twice. */
function readable({ access_token, ...answer }: Answer) {
  return { ...answer, access_token: access_token.split('.').slice(0, 2) }
}

export const refresh: Step = async (world) => {
  const { random, model } = world
  const token = anyRefreshToken(world)
  if (token === undefined) return
  const attempt = {
    value: token.value,
    by: random.chance(0.95) ? (clientOf(token) ?? WEB) : random.pick(REFRESHERS),
    scope: random.chance(0.8) ? undefined : random.pick(['orders:read', 'orders:write', 'orders:delete']),
    resource: random.chance(0.9) ? undefined : random.pick([...AUDIENCES, 'https://elsewhere.example'])
  }
  const outcome = model.refresh(attempt)
  settle(outcome, await send(world, attempt))
}

/** A client that lost the answer tries again at once: a theft, unless a grace window covers it. */
export const refreshTwice: Step = async (world) => {
  const token = pickToken(world, (one) => one.type === 'refresh' && world.model.ledger.isLive(one))
  if (token === undefined) return
  const attempt = { value: token.value, by: clientOf(token) ?? WEB }
  for (let time = 0; time < 2; time += 1) {
    const outcome = world.model.refresh(attempt)
    settle(outcome, await send(world, attempt))
  }
}

/** Two that have both come before either has rotated the token. */
export const raceToRefresh: Step = async (world) => {
  const { model, running } = world
  const token = pickToken(world, (one) => one.type === 'refresh' && model.ledger.isLive(one))
  if (token === undefined) return
  const attempt = { value: token.value, by: clientOf(token) ?? WEB }
  running.store.gather('rotate', 2)
  const responses = await Promise.all([send(world, attempt), send(world, attempt)])
  running.store.comeBack()
  const [winner, loser] = responses.sort((a, b) => a.statusCode - b.statusCode)
  assert.ok(winner !== undefined && loser !== undefined)
  const won = model.refresh(attempt)
  assert.ok('rotated' in won)
  settle(won, winner)
  settle(model.raceLost(attempt), loser)
}

interface Refusal {
  readonly by: ModelClient
  readonly form: Readonly<Record<string, string>>
  readonly error: string
  readonly counted: readonly [clientId: string | undefined, grantType: string | undefined]
}

const CLIENT_CREDENTIALS = { grant_type: 'client_credentials' }
const REFRESH_TOKEN = { grant_type: 'refresh_token' }
const NOBODY = [undefined, undefined] as const

/** Requests that get nowhere, and what they are counted as. */
const REFUSALS: readonly Refusal[] = [
  { by: { id: 'nobody' }, form: REFRESH_TOKEN, error: 'invalid_client', counted: NOBODY },
  { by: { ...REPORTS, secret: 'wrong' }, form: CLIENT_CREDENTIALS, error: 'invalid_client', counted: NOBODY },
  { by: { id: REPORTS.id }, form: CLIENT_CREDENTIALS, error: 'invalid_client', counted: NOBODY },
  { by: { ...MOBILE, secret: 'none' }, form: REFRESH_TOKEN, error: 'invalid_client', counted: NOBODY },
  { by: REPORTS, form: {}, error: 'invalid_request', counted: ['reports', undefined] },
  { by: WEB, form: { grant_type: '' }, error: 'invalid_request', counted: NOBODY },
  { by: WEB, form: { grant_type: 'password' }, error: 'unsupported_grant_type', counted: NOBODY },
  { by: BACKEND, form: { grant_type: 'nonsense' }, error: 'unsupported_grant_type', counted: ['backend', undefined] },
  { by: WEB, form: CLIENT_CREDENTIALS, error: 'unauthorized_client', counted: [undefined, 'client_credentials'] },
  { by: REPORTS, form: REFRESH_TOKEN, error: 'unauthorized_client', counted: ['reports', 'refresh_token'] },
  { by: WEB, form: REFRESH_TOKEN, error: 'invalid_request', counted: [undefined, 'refresh_token'] },
  { by: BACKEND, form: REFRESH_TOKEN, error: 'invalid_request', counted: ['backend', 'refresh_token'] }
]

export const getNowhere: Step = async (world) => {
  const { by, form, error, counted } = world.random.pick(REFUSALS) as Refusal
  assertRefused(await postAs(world, by, 'token', form), error === 'invalid_client' ? 401 : 400, error)
  world.model.refused(...counted, error)
}
