import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { CommandedStore, type StoreVerb } from '../support/commanded-store.ts'
import { scrape } from '../support/metrics.ts'
import { basic, buildServer, callOrders, postForm, refresh } from '../support/server.ts'

async function login(fastify: FastifyInstance, subject = 'alice'): Promise<string> {
  return (await fastify.oauth.issue({ clientId: 'web', subject, refreshable: true })).refresh_token ?? ''
}

const revoke = (fastify: FastifyInstance, token: string) =>
  postForm(fastify, '/oauth/revoke', { client_id: 'web', token })

/** A clock that moves with every look, as real ones do. */
function tickingClock() {
  let time = 1_800_000_000
  return () => {
    time += 0.001
    return time
  }
}

/** Runs something once, just before a verb of the store. */
function once(store: CommandedStore, before: StoreVerb, run: () => Promise<unknown>): void {
  store.before = async (verb) => {
    if (verb !== before) return
    store.comeBack()
    await run()
  }
}

t.test('R13: no token survives of a family that was revoked while it was refreshed', async (t) => {
  const now = tickingClock()
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store, now })
  const revocations: Record<string, (token: string) => Promise<unknown>> = {
    'the token': (token) => revoke(fastify, token),
    'the subject': () => fastify.oauth.revokeAll({ subject: 'alice', reason: 'admin', by: 'admin' }),
    'the client': () => fastify.oauth.revokeAll({ clientId: 'web', reason: 'admin', by: 'admin' })
  }
  for (const [what, happen] of Object.entries(revocations)) {
    const token = await login(fastify)
    once(store, 'rotate', () => happen(token))
    t.equal((await refresh(fastify, token)).statusCode, 400, what)
    t.equal(await store.live('refresh', now()), 0, what)
    t.equal(await store.live('access', now()), 0, what)
  }
})

t.test('R13: nor when both come at the same time, whoever is first', async (t) => {
  const now = tickingClock()
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store, now })
  for (let round = 0; round < 30; round += 1) {
    const token = await login(fastify)
    const requests = [() => refresh(fastify, token), () => revoke(fastify, token)]
    const answers = await Promise.all((round % 2 === 0 ? requests : requests.reverse()).map((send) => send()))
    for (const { statusCode } of answers) t.ok(statusCode === 200 || statusCode === 400)
    t.equal((await store.live('refresh', now())) + (await store.live('access', now())), 0)
  }
})

t.test('R14: revoking is idempotent, in parallel too: what was live is counted once', async (t) => {
  const fastify = await buildServer(t)
  const token = await login(fastify)
  const answers = await Promise.all(Array.from({ length: 20 }, () => revoke(fastify, token)))
  for (const { statusCode } of answers) t.equal(statusCode, 200)
  t.equal((await revoke(fastify, token)).statusCode, 200)
  const labels = 'oauth2_client_id="web",oauth2_revocation_reason="client_request"'
  t.equal((await scrape(fastify)).get(`oauth2_token_revoked_total{${labels}}`), 2)
})

t.test('R17: revoke-all is for the application only: there is no endpoint for it', async (t) => {
  const fastify = await buildServer(t)
  const routes = fastify.printRoutes({ commonPrefix: false })
  t.notMatch(routes, /all/i)
  const token = await login(fastify)
  await postForm(
    fastify,
    '/oauth/revoke',
    { token: 'x', subject: 'alice', family: 'alice' },
    { authorization: basic('reports', 'reports-secret') }
  )
  t.equal((await refresh(fastify, token)).statusCode, 200)
})

t.test('R17: revoke-all counts what was live, by subject, client and family', async (t) => {
  const fastify = await buildServer(t)
  await refresh(fastify, await login(fastify))
  await login(fastify, 'bob')
  const access = (await fastify.oauth.issue({ clientId: 'reports' })).access_token
  const revokeAll = (owner: { subject?: string; clientId?: string; family?: string }) =>
    fastify.oauth.revokeAll({ ...owner, reason: 'admin', by: 'admin' })
  t.same(await revokeAll({ subject: 'alice' }), { revoked: 3 })
  t.same(await revokeAll({ subject: 'alice' }), { revoked: 0 })
  t.same(await revokeAll({ clientId: 'web' }), { revoked: 2 }, 'bob’s are left')
  t.same(await revokeAll({ subject: 'nobody' }), { revoked: 0 })
  t.equal((await callOrders(fastify, access)).statusCode, 200)
  t.same(await revokeAll({ family: String((await fastify.oauth.validate(access)).claims.jti) }), { revoked: 1 })
  t.equal((await callOrders(fastify, access)).statusCode, 401)
  const samples = await scrape(fastify)
  const revoked = (client: string) =>
    samples.get(`oauth2_token_revoked_total{oauth2_client_id="${client}",oauth2_revocation_reason="admin"}`)
  t.equal(revoked('web'), 5)
  t.equal(revoked('reports'), 1)
})

t.test('R17: tokens that are issued while their subject or client is revoked are dead', async (t) => {
  const now = tickingClock()
  const store = new CommandedStore()
  const fastify = await buildServer(t, {
    store,
    now,
    clients: [{ id: 'app', secret: 's', grants: ['urn:example:login', 'refresh_token'], scope: ['orders:read'] }],
    grants: { 'urn:example:login': async () => ({ subject: 'alice', refreshable: true }) }
  })
  const ask = () =>
    postForm(fastify, '/oauth/token', { grant_type: 'urn:example:login' }, { authorization: basic('app', 's') })
  for (const owner of [{ subject: 'alice' }, { clientId: 'app' }]) {
    once(store, 'insert', () => fastify.oauth.revokeAll({ ...owner, reason: 'admin', by: 'admin' }))
    const response = await ask()
    t.equal(response.statusCode, 400)
    t.same(response.json(), {
      error: 'invalid_grant',
      error_description: 'The authorization was revoked while it was being granted.'
    })
    t.equal(await store.live('access', now()), 0)
    t.equal((await ask()).statusCode, 200, 'the next one is issued')
    await fastify.oauth.revokeAll({ ...owner, reason: 'admin', by: 'admin' })
  }
})
