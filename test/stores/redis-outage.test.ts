import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { startRedis } from '../support/redis.ts'
import { buildOnRedis } from '../support/redis-app.ts'
import { callOrders, refresh } from '../support/server.ts'

const CLIENTS = 10
const DEADLINE_MS = 60_000

const issue = (fastify: FastifyInstance, subject: string) =>
  fastify.oauth.issue({ clientId: 'web', subject, scope: ['orders:read'], refreshable: true })

t.test('on @fastify/redis: issued, validated, refreshed, reused, revoked', async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  const fastify = await buildOnRedis(t, server)
  const first = await issue(fastify, 'alice')
  t.equal((await callOrders(fastify, first.access_token)).statusCode, 200)
  const second = await refresh(fastify, String(first.refresh_token))
  t.equal(second.statusCode, 200)
  t.equal((await callOrders(fastify, second.json().access_token)).statusCode, 200)

  const reuse = await refresh(fastify, String(first.refresh_token))
  t.equal(reuse.statusCode, 400)
  t.equal(reuse.json().error, 'invalid_grant')
  for (const token of [first.access_token, second.json().access_token]) {
    const refused = await callOrders(fastify, token)
    t.equal(refused.statusCode, 401, 'a reuse has killed all of the subject')
  }
  t.equal((await callOrders(fastify, (await issue(fastify, 'alice')).access_token)).statusCode, 200)
})

t.test('Redis is killed under load and brought back: 503 meanwhile, then service by itself', async (t) => {
  const server = await startRedis(t, { settings: { appendonly: 'yes', appendfsync: 'always' } })
  if (server === undefined) return
  const fastify = await buildOnRedis(t, server)
  const statuses: Record<string, Set<number>> = { up: new Set(), down: new Set(), again: new Set() }
  const refreshed: Record<string, number> = { up: 0, down: 0, again: 0 }
  let phase = 'up'

  /** A client that refreshes all the time; gives the last access token that it was given in its present family. */
  const client = async (subject: string): Promise<string | undefined> => {
    let tokens: { access_token: string; refresh_token?: string } | undefined
    while (phase !== 'over') {
      const begun = phase
      if (tokens === undefined) {
        tokens = await issue(fastify, subject).catch(() => undefined)
        if (tokens === undefined) await sleep(20)
        continue
      }
      const answer = await refresh(fastify, String(tokens.refresh_token))
      if (begun === phase) statuses[phase]?.add(answer.statusCode)
      if (answer.statusCode === 200) refreshed[phase] = (refreshed[phase] ?? 0) + 1
      // Who gets no answer knows not whether it was refreshed, and begins anew: presenting it again might be a reuse.
      tokens = answer.statusCode === 200 ? answer.json() : undefined
    }
    return tokens?.access_token
  }
  const reaches = async (name: string, count: number) => {
    const deadline = Date.now() + DEADLINE_MS
    while ((refreshed[name] ?? 0) < count && Date.now() < deadline) await sleep(20)
  }

  const clients = Array.from({ length: CLIENTS }, (_, index) => client(`user-${index}`))
  await reaches('up', 50)
  const alive = await issue(fastify, 'witness')
  phase = 'dying'
  await server.kill()
  phase = 'down'
  const begun = Date.now()
  t.equal((await callOrders(fastify, alive.access_token)).statusCode, 503, 'nothing passes unlooked')
  t.equal((await refresh(fastify, String(alive.refresh_token))).statusCode, 503)
  t.ok(Date.now() - begun < 10_000, 'nobody waits for long')
  await sleep(500)
  phase = 'coming'
  await server.start()
  phase = 'again'
  await reaches('again', 50)
  phase = 'over'
  const last = await Promise.all(clients)

  t.strictSame([...(statuses.up ?? [])], [200])
  t.strictSame(
    [...(statuses.down ?? [])].filter((status) => status !== 503),
    [],
    'while it is down: 503'
  )
  t.strictSame(
    [...(statuses.again ?? [])].filter((status) => status !== 503 && status !== 200),
    []
  )
  t.ok((refreshed.again ?? 0) >= 50, `refreshed ${refreshed.again} times after it came back`)
  t.equal((await callOrders(fastify, alive.access_token)).statusCode, 200, 'what had been issued is there')
  for (const token of last) {
    if (token !== undefined)
      t.equal((await callOrders(fastify, token)).statusCode, 200, 'and so is the last of each client')
  }
})
