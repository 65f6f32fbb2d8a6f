import assert from 'node:assert/strict'
import { OAuthError } from '../../../lib/index.ts'
import { callOrders, ISSUER } from '../server.ts'
import type { ModelToken } from './ledger.ts'
import type { ModelClient } from './model.ts'
import {
  assertRefused,
  BACKEND,
  FILE_SERVER,
  FILES,
  GATEWAY,
  pickToken,
  postAs,
  REPORTS,
  type Step,
  WEB,
  type World
} from './world.ts'

/** Why a token of ours is refused where `orders:read` is needed. */
function reasonFor({ model }: World, { expiresAt, revoked, scope }: ModelToken): string | undefined {
  if (model.ledger.now >= expiresAt) return 'expired'
  if (revoked) return 'revoked'
  return scope.includes('orders:read') ? undefined : 'insufficient_scope'
}

const STATUS: Readonly<Record<string, number>> = { expired: 401, revoked: 401, insufficient_scope: 403 }

/** Mostly the living, and those that were alive not long ago. */
function anyAccessToken(world: World): ModelToken | undefined {
  const alive = world.random.chance(0.6)
  return pickToken(world, (token) => token.type === 'access' && (!alive || world.model.ledger.isLive(token)))
}

export const callWithToken: Step = async (world) => {
  const token = anyAccessToken(world)
  if (token === undefined) return
  const { statusCode } = await callOrders(world.running.server, token.value)
  const reason = reasonFor(world, token)
  assert.equal(statusCode, STATUS[reason ?? ''] ?? 200)
  world.model.validated(token.clientId, reason)
}

export const validateByApplication: Step = async (world) => {
  const token = anyAccessToken(world)
  if (token === undefined) return
  const reason = reasonFor(world, token)
  const refusal = await world.running.server.oauth.validate(token.value, 'orders:read').then(
    () => undefined,
    (error: unknown) => (error instanceof OAuthError ? error.facts.reason : error)
  )
  assert.equal(refusal, reason)
  world.model.validated(token.clientId, reason)
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** What was never issued, and why it is refused. A forger's client id is a claim, not a fact. */
const FORGERIES: Readonly<Record<string, (genuine: string) => string | undefined>> = {
  missing: () => undefined,
  malformed: () => 'Bearer not.a.jwt',
  bad_signature: (genuine) => {
    const [header, payload, signature = ''] = genuine.split('.')
    return `Bearer ${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
  },
  unknown_key: () => `Bearer ${encode({ alg: 'ES256', kid: 'x', typ: 'at+jwt' })}.${encode({ iss: ISSUER })}.AAAA`,
  unsupported_algorithm: (genuine) => `Bearer ${encode({ alg: 'none', typ: 'at+jwt' })}.${genuine.split('.')[1]}.`,
  wrong_issuer: () =>
    `Bearer ${encode({ alg: 'ES256' })}.${encode({ iss: 'https://evil.example', client_id: 'web' })}.AAAA`
}

export const callWithForgery: Step = async (world) => {
  const genuine = pickToken(world, ({ type }) => type === 'access')
  const reason = world.random.pick(Object.keys(FORGERIES))
  if (genuine === undefined || reason === undefined) return
  const authorization = FORGERIES[reason]?.(genuine.value)
  const { statusCode } = await world.running.server.inject({
    url: '/orders',
    headers: authorization === undefined ? {} : { authorization }
  })
  assert.equal(statusCode, 401)
  world.model.validated(undefined, reason)
}

export const callMalformed: Step = async ({ running: { server }, random, model }) => {
  const authorization = random.pick(['Bearer', 'Bearer a b', 'Bearer\ta', 'Bearer a,b', 'Bearer "a"'])
  const { statusCode } = await server.inject({ url: '/orders', headers: { authorization } })
  assert.equal(statusCode, 400)
  model.validated(undefined, 'malformed')
}

export const introspect: Step = async (world) => {
  const token = world.random.chance(0.9) ? pickToken(world, () => true) : undefined
  const value = token?.value ?? 'garbage'
  const by = world.random.pick<ModelClient>([GATEWAY, FILE_SERVER])
  const response = await postAs(world, by, 'introspect', { token: value })
  const sees = (audience: readonly string[]) => by === GATEWAY || audience.includes(FILES)
  const active = world.model.introspected(value, by.id, sees)
  assert.equal(response.statusCode, 200)
  if (active) assert.equal(response.json().client_id, token?.clientId)
  else assert.deepEqual(response.json(), { active: false })
}

/** Who may not ask gets no answer, and no answer is counted. */
export const introspectInVain: Step = async (world) => {
  assertRefused(await postAs(world, REPORTS, 'introspect', { token: 'x' }), 403, 'unauthorized_client')
  assertRefused(await postAs(world, WEB, 'introspect', { token: 'x' }), 403, 'unauthorized_client')
  assertRefused(await postAs(world, { ...BACKEND, secret: 'x' }, 'introspect', { token: 'x' }), 401, 'invalid_client')
  assertRefused(await postAs(world, GATEWAY, 'introspect', {}), 400, 'invalid_request')
}
