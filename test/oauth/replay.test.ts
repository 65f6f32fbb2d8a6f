import t from 'tap'
import { CommandedStore } from '../support/commanded-store.ts'
import { scrape } from '../support/metrics.ts'
import { buildServer, callOrders, refresh } from '../support/server.ts'

t.test('a reuse kills the user once; replaying the same token does not log out who has logged in since', async (t) => {
  const fastify = await buildServer(t)
  const logIn = () => fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  const { refresh_token: stolen = '' } = await logIn()
  const otherDevice = await logIn()
  t.equal((await refresh(fastify, stolen)).statusCode, 200)

  t.equal((await refresh(fastify, stolen)).json().error, 'invalid_grant')
  t.equal((await callOrders(fastify, otherDevice.access_token)).statusCode, 401, 'the user is logged out everywhere')

  const again = await logIn()
  for (let replay = 0; replay < 3; replay++) {
    t.equal((await refresh(fastify, stolen)).json().error, 'invalid_grant')
    t.equal((await callOrders(fastify, again.access_token)).statusCode, 200, 'the new login lives')
  }
  const samples = await scrape(fastify)
  t.equal(samples.get('oauth2_token_reuse_detected_total{oauth2_client_id="web",oauth2_reuse_outcome="theft"}'), 4)
  t.equal(
    samples.get('oauth2_token_revoked_total{oauth2_client_id="web",oauth2_revocation_reason="security_incident"}'),
    5,
    'stolen access, its successors, and the other device'
  )
})

t.test('a spent token of a family that has logged out kills nobody', async (t) => {
  const fastify = await buildServer(t)
  const first = await fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  const other = await fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  const { refresh_token: current } = (await refresh(fastify, first.refresh_token ?? '')).json()
  await fastify.oauth.revoke({ token: current, reason: 'logout', by: 'user' })
  t.equal((await refresh(fastify, first.refresh_token ?? '')).json().error, 'invalid_grant')
  t.equal((await callOrders(fastify, other.access_token)).statusCode, 200)
})

const REVOKED = 'oauth2_token_revoked_total{oauth2_client_id="web",oauth2_revocation_reason="security_incident"}'

t.test('a reuse whose revocation is cut short at any call is finished by the next replay', async (t) => {
  for (const fails of [1, 2]) {
    for (const moment of ['before', 'after'] as const) {
      const store = new CommandedStore()
      const fastify = await buildServer(t, { store })
      const logIn = () => fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
      const { refresh_token: stolen = '' } = await logIn()
      const otherDevice = await logIn()
      await refresh(fastify, stolen)
      let calls = 0
      store[moment] = async (verb) => {
        if (verb !== 'revoke') return
        calls += 1
        if (calls >= fails) throw new Error('connection refused')
      }
      const first = await refresh(fastify, stolen)
      store.comeBack()
      t.equal((await refresh(fastify, stolen)).json().error, 'invalid_grant')
      const what = `${moment} call ${fails}: ${first.statusCode}`
      t.equal((await callOrders(fastify, otherDevice.access_token)).statusCode, 401, what)
    }
  }
})

t.test('the live end of a family is found many rotations later, and however many there were all die', async (t) => {
  for (const rotations of [5, 40]) {
    const store = new CommandedStore()
    const fastify = await buildServer(t, { store })
    const logIn = () => fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
    const { refresh_token: stolen = '' } = await logIn()
    const otherDevice = await logIn()
    let current = stolen
    for (let rotation = 0; rotation < rotations; rotation += 1) {
      current = (await refresh(fastify, current)).json().refresh_token
    }
    store.calls.length = 0
    t.equal((await refresh(fastify, stolen)).json().error, 'invalid_grant')
    t.equal(store.calls.filter((verb) => verb === 'find').length, Math.min(rotations, 32), 'in bounded time')
    t.equal((await callOrders(fastify, otherDevice.access_token)).statusCode, 401)
    t.equal((await scrape(fastify)).get(REVOKED), rotations + 4)
    const again = await logIn()
    t.equal((await refresh(fastify, stolen)).json().error, 'invalid_grant')
    t.equal((await callOrders(fastify, again.access_token)).statusCode, 200, 'the new login lives')
  }
})

t.test('two replays at a time kill the user once, and are counted once', async (t) => {
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store })
  const logIn = () => fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  const { refresh_token: stolen = '' } = await logIn()
  await logIn()
  await refresh(fastify, stolen)
  store.gather('revoke', 2)
  const answers = await Promise.all([refresh(fastify, stolen), refresh(fastify, stolen)])
  for (const answer of answers) t.equal(answer.json().error, 'invalid_grant')
  store.comeBack()
  t.equal((await scrape(fastify)).get(REVOKED), 5)
  const again = await logIn()
  await refresh(fastify, stolen)
  t.equal((await callOrders(fastify, again.access_token)).statusCode, 200)
})
