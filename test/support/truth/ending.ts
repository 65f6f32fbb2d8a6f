import assert from 'node:assert/strict'
import type { ModelToken } from './ledger.ts'
import { BACKEND, CLIENTS, jtiOf, MOBILE, pickToken, postAs, type Step, SUBJECTS, WEB, type World } from './world.ts'

const REASONS = ['logout', 'admin', 'superseded', 'code_reuse', 'because'] as const

/** A reason, and how it is recorded. */
function pickReason({ random }: World): { reason: string; recorded: string } {
  const reason = random.pick(REASONS)
  return { reason, recorded: reason === 'because' ? '_OTHER' : reason }
}

const clientOf = ({ clientId }: ModelToken) => CLIENTS.find(({ id }) => id === clientId) ?? WEB

/** RFC 7009: one's own token, that of somebody else, one that is dead, or none at all. */
export const revokeAtEndpoint: Step = async (world) => {
  const { random, model } = world
  const token = pickToken(world, () => true)
  const value = token === undefined || random.chance(0.1) ? 'garbage' : token.value
  const by = token === undefined || random.chance(0.2) ? random.pick([BACKEND, WEB, MOBILE]) : clientOf(token)
  const response = await postAs(world, by, 'revoke', { token: value })
  assert.deepEqual([response.statusCode, response.body], [200, ''])
  model.revoke(value, 'client_request', by.id)
}

/** Refusals of the revocation endpoint change nothing, and are no revocations. */
export const revokeNothing: Step = async (world) => {
  const response = await postAs(world, { ...BACKEND, secret: 'wrong' }, 'revoke', { token: 'garbage' })
  assert.equal(response.statusCode, 401)
  assert.equal((await postAs(world, WEB, 'revoke', {})).statusCode, 400)
}

export const revokeByApplication: Step = async (world) => {
  const token = pickToken(world, () => true)
  if (token === undefined) return
  const { reason, recorded } = pickReason(world)
  const byId = token.type === 'access' && world.random.chance(0.5)
  const named = byId ? { tokenId: jtiOf(token.value) } : { token: token.value }
  const { revoked } = await world.running.server.oauth.revoke({ ...named, reason, by: 'admin' })
  assert.equal(revoked, world.model.revoke(token.value, recorded))
}

export const revokeSubject: Step = async (world) => {
  const subject = world.random.pick([...SUBJECTS, 'stranger'])
  const { reason, recorded } = pickReason(world)
  const { revoked } = await world.running.server.oauth.revokeAll({ subject, reason, by: 'user' })
  assert.equal(
    revoked,
    world.model.revokeAll((token) => token.subject === subject, recorded)
  )
}

export const revokeFamily: Step = async (world) => {
  const token = pickToken(world, ({ type, forgotten }) => type === 'access' && !forgotten)
  if (token === undefined) return
  const { reason, recorded } = pickReason(world)
  const stored = await world.running.store.find(jtiOf(token.value))
  assert.ok(stored !== undefined, 'a token is found until it is pruned')
  const { revoked } = await world.running.server.oauth.revokeAll({ family: stored.family, reason, by: 'user' })
  assert.equal(
    revoked,
    world.model.revokeAll(({ family }) => family === token.family, recorded)
  )
}

export const revokeClient: Step = async (world) => {
  const clientId = world.random.pick(CLIENTS)?.id ?? 'nobody'
  const { reason, recorded } = pickReason(world)
  const { revoked } = await world.running.server.oauth.revokeAll({ clientId, reason, by: 'admin' })
  assert.equal(
    revoked,
    world.model.revokeAll((token) => token.clientId === clientId, recorded)
  )
}

export const passTime: Step = async ({ clock, model, random }) => {
  clock.advance(random.pick([0.25, 0.25, 1, 1, 5.5, 30, 60.75, 120, 299.75, random.chance(0.2) ? 1500 : 0.5]))
  model.ledger.now = clock.now()
}
