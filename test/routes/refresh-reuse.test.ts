import { generateKeyPairSync } from 'node:crypto'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { MemoryStore } from '../../lib/index.ts'
import { CommandedStore, type StoreVerb } from '../support/commanded-store.ts'
import { scrape } from '../support/metrics.ts'
import { basic, buildServer, callOrders, postForm, refresh, stoppedClock } from '../support/server.ts'

const refused = { error: 'invalid_grant', error_description: 'The refresh token is not valid.' }

async function login(fastify: FastifyInstance, subject = 'alice') {
  const { access_token: access, refresh_token: token = '' } = await fastify.oauth.issue({
    clientId: 'web',
    subject,
    refreshable: true
  })
  return { access, token }
}

const statuses = (answers: readonly LightMyRequestResponse[]) => answers.map(({ statusCode }) => statusCode).sort()

async function introspect(fastify: FastifyInstance, token: string): Promise<boolean> {
  const authorization = basic('gateway', 'gateway-secret')
  return (await postForm(fastify, '/oauth/introspect', { token }, { authorization })).json().active
}

t.test('T31: N concurrent refreshes of one token, exactly one 200', async (t) => {
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store })
  for (let round = 0; round < 10; round += 1) {
    const { token } = await login(fastify, `user-${round}`)
    store.gather('rotate', 20)
    const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(fastify, token)))
    t.same(statuses(answers), [200, ...Array<number>(19).fill(400)])
    for (const answer of answers) if (answer.statusCode === 400) t.same(answer.json(), refused)
  }
  const samples = await scrape(fastify)
  const outcome = (name: string) =>
    samples.get(`oauth2_token_reuse_detected_total{oauth2_client_id="web",oauth2_reuse_outcome="${name}"}`) ?? 0
  t.equal(samples.get('oauth2_token_refreshed_total{oauth2_client_id="web"}'), 10)
  t.equal(outcome('race_lost'), 190)
})

t.test('T31: so it is over real connections', async (t) => {
  const fastify = await buildServer(t)
  const url = await fastify.listen({ port: 0, host: '127.0.0.1' })
  const { token } = await login(fastify)
  const body = new URLSearchParams({ grant_type: 'refresh_token', client_id: 'web', refresh_token: token })
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => fetch(`${url}/oauth/token`, { method: 'POST', body }))
  )
  t.same(answers.map(({ status }) => status).sort(), [200, ...Array<number>(19).fill(400)])
})

t.test('T31: one that came before and wrote after another has lost the race', async (t) => {
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store })
  const { token } = await login(fastify)
  let overtaken: LightMyRequestResponse | undefined
  store.before = async (verb) => {
    if (verb !== 'rotate') return
    store.comeBack()
    overtaken = await refresh(fastify, token)
  }
  t.same((await refresh(fastify, token)).json(), refused)
  t.equal(overtaken?.statusCode, 200)
  t.equal((await refresh(fastify, overtaken?.json().refresh_token)).statusCode, 400, 'who won is not known: both lose')
  t.equal(
    (await scrape(fastify)).get(
      'oauth2_token_reuse_detected_total{oauth2_client_id="web",oauth2_reuse_outcome="race_lost"}'
    ),
    1
  )
})

/** Lets a verb of the store wait, before or after it has been carried out; resolves when it does. */
function hold(store: CommandedStore, when: 'before' | 'after', verb: StoreVerb) {
  const [reached, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  store[when] = async (called) => {
    if (called !== verb) return
    store.comeBack()
    reached.resolve()
    await released.promise
  }
  return { reached: reached.promise, release: released.resolve }
}

async function outcomes(fastify: FastifyInstance) {
  const samples = await scrape(fastify)
  const outcome = (name: string) =>
    samples.get(`oauth2_token_reuse_detected_total{oauth2_client_id="web",oauth2_reuse_outcome="${name}"}`)
  return { theft: outcome('theft'), race_lost: outcome('race_lost') }
}

t.test('T31: who comes while the winner is being answered has lost the race; who comes later is a thief', async (t) => {
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store, now: stoppedClock().now })
  const { token } = await login(fastify)
  const winner = hold(store, 'after', 'rotate')
  const won = refresh(fastify, token)
  await winner.reached
  const loser = hold(store, 'before', 'revoke')
  const lost = refresh(fastify, token)
  await loser.reached
  winner.release()
  t.equal((await won).statusCode, 200)
  t.same((await refresh(fastify, token)).json(), refused, 'the loser is under way, the winner no more')
  t.same(await outcomes(fastify), { theft: 1, race_lost: 0 })
  loser.release()
  t.same((await lost).json(), refused)
  t.same(await outcomes(fastify), { theft: 1, race_lost: 1 })
})

t.test('T31: who meets other thieves only has not lost a race', async (t) => {
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store, now: stoppedClock().now })
  const { token } = await login(fastify)
  await refresh(fastify, token)
  store.gather('rotate', 2)
  const answers = await Promise.all([refresh(fastify, token), refresh(fastify, token)])
  t.same(statuses(answers), [400, 400])
  t.same(await outcomes(fastify), { theft: 2, race_lost: 0 })
})

t.test('T31: who has seen it alive, and asks for less, has lost the race wherever the winner was', async (t) => {
  const shared = new MemoryStore()
  const store = new CommandedStore(shared)
  const clock = stoppedClock()
  const options = { signingKeys: [generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey], now: clock.now }
  const here = await buildServer(t, { ...options, store })
  const elsewhere = await buildServer(t, { ...options, store: shared })
  const { token } = await login(here)
  const slow = hold(store, 'before', 'rotate')
  const answer = refresh(here, token, { scope: 'orders:read' })
  await slow.reached
  t.equal((await refresh(elsewhere, token)).statusCode, 200)
  slow.release()
  t.same((await answer).json(), refused)
  t.same(await outcomes(here), { theft: 0, race_lost: 1 })
})

t.test(
  'T31: whose race was with a request at another replica is taken for a thief, whatever the clocks say',
  async (t) => {
    for (const head of [0.5, -0.5]) {
      const shared = new MemoryStore()
      const store = new CommandedStore(shared)
      const clock = stoppedClock()
      const options = { signingKeys: [generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey] }
      const here = await buildServer(t, { ...options, store, now: clock.now })
      const elsewhere = await buildServer(t, { ...options, store: shared, now: () => clock.now() + head })
      const { token } = await login(here)
      const slow = hold(store, 'before', 'rotate')
      const answer = refresh(here, token)
      await slow.reached
      t.equal((await refresh(elsewhere, token)).statusCode, 200)
      slow.release()
      t.same((await answer).json(), refused)
      t.same(await outcomes(here), { theft: 1, race_lost: 0 })
    }
  }
)

t.test('T32: reuse of a rotated token is invalid_grant, and its family is dead', async (t) => {
  const fastify = await buildServer(t)
  const first = await login(fastify)
  const second = (await refresh(fastify, first.token)).json()
  const third = (await refresh(fastify, second.refresh_token)).json()
  const accessTokens = [first.access, second.access_token, third.access_token]
  for (const access of accessTokens) t.equal((await callOrders(fastify, access)).statusCode, 200)

  t.same((await refresh(fastify, first.token)).json(), refused)
  for (const access of accessTokens) {
    t.equal((await callOrders(fastify, access)).statusCode, 401)
    t.equal(await introspect(fastify, access), false)
  }
  t.equal(await introspect(fastify, third.refresh_token), false)
  t.same((await refresh(fastify, third.refresh_token)).json(), refused)
  const samples = await scrape(fastify)
  const labels = 'oauth2_client_id="web",oauth2_revocation_reason="security_incident"'
  t.equal(samples.get(`oauth2_token_revoked_total{${labels}}`), 4, 'three access tokens and one refresh token')
})

t.test('T32: a reuse kills all tokens of the user, of nobody else', async (t) => {
  const fastify = await buildServer(t)
  const [stolen, elsewhere, other] = [await login(fastify), await login(fastify), await login(fastify, 'bob')]
  await refresh(fastify, stolen.token)
  await refresh(fastify, stolen.token)
  t.equal((await callOrders(fastify, elsewhere.access)).statusCode, 401)
  t.equal((await callOrders(fastify, other.access)).statusCode, 200)
  t.equal((await refresh(fastify, elsewhere.token)).statusCode, 400)
  t.equal((await refresh(fastify, other.token)).statusCode, 200)
})

t.test("T32: with reuse: 'family' it kills the family only", async (t) => {
  const fastify = await buildServer(t, { refreshToken: { reuse: 'family' } })
  const [stolen, elsewhere] = [await login(fastify), await login(fastify)]
  const next = (await refresh(fastify, stolen.token)).json()
  await refresh(fastify, stolen.token)
  for (const access of [stolen.access, next.access_token]) {
    t.equal((await callOrders(fastify, access)).statusCode, 401)
  }
  t.equal((await refresh(fastify, next.refresh_token)).statusCode, 400)
  t.equal((await callOrders(fastify, elsewhere.access)).statusCode, 200)
  t.equal((await refresh(fastify, elsewhere.token)).statusCode, 200)
})

t.test('T32: a reuse whose revocation fails is 503, and the next one revokes', async (t) => {
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store })
  const { token } = await login(fastify)
  const next = (await refresh(fastify, token)).json()
  store.before = async (verb) => {
    if (verb === 'revoke') throw new Error('connection refused')
  }
  const response = await refresh(fastify, token)
  t.equal(response.statusCode, 503)
  t.equal(response.headers['retry-after'], '5')
  store.comeBack()
  t.equal((await refresh(fastify, token)).statusCode, 400)
  t.equal((await callOrders(fastify, next.access_token)).statusCode, 401)
})

t.test('T34: after a crash between consume and response, the retry is a reuse: no refresh token lives', async (t) => {
  const clock = stoppedClock()
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store, now: clock.now })
  const { token } = await login(fastify)
  store.after = async (verb) => {
    if (verb === 'rotate') throw new Error('connection reset')
  }
  t.equal((await refresh(fastify, token)).statusCode, 503)
  t.equal(await store.live('refresh', clock.now()), 1, 'the successor that nobody received')
  store.comeBack()
  t.same((await refresh(fastify, token)).json(), refused)
  t.equal(await store.live('refresh', clock.now()), 0)
  t.equal(await store.live('access', clock.now()), 0)
})

t.test('T34: after a crash before consume nothing has happened: the retry refreshes', async (t) => {
  const clock = stoppedClock()
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store, now: clock.now })
  const { token } = await login(fastify)
  store.before = async (verb) => {
    if (verb === 'rotate') throw new Error('connection reset')
  }
  t.equal((await refresh(fastify, token)).statusCode, 503)
  store.comeBack()
  t.equal((await refresh(fastify, token)).statusCode, 200)
  t.equal(await store.live('refresh', clock.now()), 1)
})

t.test(
  'a token that is revoked, expires or is forgotten between look and write is refused for that reason',
  async (t) => {
    const clock = stoppedClock()
    const store = new CommandedStore()
    const fastify = await buildServer(t, { store, now: clock.now, refreshToken: { idleTtl: 100 } })
    const meanwhile: Record<string, (token: string) => Promise<unknown>> = {
      revoked: (token) => fastify.oauth.revoke({ token, reason: 'logout', by: 'user' }),
      expired: () => store.countLive(clock.now() + 100),
      not_found: () => store.prune(clock.now() + 200)
    }
    for (const [reason, happen] of Object.entries(meanwhile)) {
      const { token } = await login(fastify)
      store.before = async (verb) => {
        if (verb !== 'rotate') return
        store.comeBack()
        await happen(token)
      }
      t.same((await refresh(fastify, token)).json(), refused, reason)
      const client = reason === 'not_found' ? 'unknown' : 'web'
      const labels = [
        `oauth2_client_id="${client}"`,
        `oauth2_validation_reason="${reason}"`,
        `oauth2_validation_result="${reason === 'expired' ? 'expired' : 'invalid'}"`
      ]
      t.equal((await scrape(fastify)).get(`oauth2_token_validated_total{${labels.join(',')}}`), 1, reason)
    }
  }
)
