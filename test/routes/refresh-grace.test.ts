import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { decodeJwt } from 'jose'
import t from 'tap'
import type { Client } from '../../lib/index.ts'
import { refreshTokenId } from '../../lib/oauth/tokens/token-id.ts'
import { CommandedStore } from '../support/commanded-store.ts'
import { scrape } from '../support/metrics.ts'
import { basic, buildServer, callOrders, OPTIONS, postForm, refresh, stoppedClock } from '../support/server.ts'

const WINDOW = 10
const refused = { error: 'invalid_grant', error_description: 'The refresh token is not valid.' }

async function serverWithGrace(
  t: Parameters<typeof buildServer>[0],
  graceWindow = WINDOW,
  clients: readonly Client[] = OPTIONS.clients
) {
  const clock = stoppedClock()
  const store = new CommandedStore()
  const fastify = await buildServer(t, {
    now: clock.now,
    store,
    clients,
    audience: ['https://api.example', 'https://billing.example'],
    refreshToken: { graceWindow }
  })
  return { clock, store, fastify }
}

async function login(fastify: FastifyInstance, clientId = 'web'): Promise<string> {
  return (await fastify.oauth.issue({ clientId, subject: 'alice', refreshable: true })).refresh_token ?? ''
}

/** The tokens of an answer: a signature is not the same twice, what it signs is. */
function tokensOf(response: LightMyRequestResponse) {
  const { access_token: access, ...answer } = response.json()
  return { ...answer, claims: decodeJwt(access) }
}

async function outcomes(fastify: FastifyInstance) {
  const samples = await scrape(fastify)
  const outcome = (name: string) =>
    samples.get(`oauth2_token_reuse_detected_total{oauth2_client_id="web",oauth2_reuse_outcome="${name}"}`)
  return {
    refreshed: samples.get('oauth2_token_refreshed_total{oauth2_client_id="web"}'),
    theft: outcome('theft'),
    race_lost: outcome('race_lost'),
    grace: outcome('grace')
  }
}

t.test('T33: there is no grace unless it is switched on', async (t) => {
  const { fastify } = await serverWithGrace(t, 0)
  const token = await login(fastify)
  await refresh(fastify, token)
  t.same((await refresh(fastify, token)).json(), refused)
  t.same(await outcomes(fastify), { refreshed: 1, theft: 1, race_lost: 0, grace: 0 })
})

t.test('T33: within the window the same successor is returned, and counted apart', async (t) => {
  const { fastify, clock, store } = await serverWithGrace(t)
  const token = await login(fastify)
  const response = await refresh(fastify, token)
  const [first, tokens] = [response.json(), tokensOf(response)]
  t.same(tokensOf(await refresh(fastify, token)), tokens, 'the same tokens')
  clock.advance(3)
  const later = await refresh(fastify, token)
  t.same(tokensOf(later), { ...tokens, expires_in: first.expires_in - 3 }, 'three seconds older')
  t.same(await outcomes(fastify), { refreshed: 1, theft: 0, race_lost: 0, grace: 2 })
  t.equal(await store.live('refresh', clock.now()), 1)
  t.equal(await store.live('access', clock.now()), 2, 'nothing more was issued')
  for (const answer of [first, later.json()]) {
    t.equal((await callOrders(fastify, answer.access_token)).statusCode, 200)
  }
  t.equal((await refresh(fastify, first.refresh_token)).statusCode, 200)
})

t.test('T33: a token is answered a hundred times again, and then it is a reuse', async (t) => {
  const { fastify } = await serverWithGrace(t)
  const token = await login(fastify)
  const first = (await refresh(fastify, token)).json()
  for (let n = 0; n < 100; n += 1) {
    t.equal((await refresh(fastify, token)).json().refresh_token, first.refresh_token)
  }
  t.same((await refresh(fastify, token)).json(), refused)
  t.same(await outcomes(fastify), { refreshed: 1, theft: 1, race_lost: 0, grace: 100 })
  t.same((await refresh(fastify, first.refresh_token)).json(), refused)
})

t.test('T33: the window is fixed: answering within it does not extend it', async (t) => {
  const { fastify, clock } = await serverWithGrace(t)
  const token = await login(fastify)
  const first = (await refresh(fastify, token)).json()
  for (let second = 0; second < WINDOW - 1; second += 1) {
    clock.advance(1)
    t.equal((await refresh(fastify, token)).json().refresh_token, first.refresh_token)
  }
  clock.advance(1)
  t.same((await refresh(fastify, token)).json(), refused)
  t.equal((await callOrders(fastify, first.access_token)).statusCode, 401)
  t.same(await outcomes(fastify), { refreshed: 1, theft: 1, race_lost: 0, grace: WINDOW - 1 })
})

t.test('T33: only the immediate predecessor is covered, not the generation before it', async (t) => {
  const { fastify } = await serverWithGrace(t)
  const first = await login(fastify)
  const second = (await refresh(fastify, first)).json().refresh_token
  const third = (await refresh(fastify, second)).json().refresh_token
  t.equal((await refresh(fastify, second)).json().refresh_token, third, 'the parent of the live one')
  t.same((await refresh(fastify, first)).json(), refused, 'its grandparent')
  t.same((await refresh(fastify, third)).json(), refused, 'and all are dead')
  t.same((await refresh(fastify, second)).json(), refused, 'the covered one too')
  t.same(await outcomes(fastify), { refreshed: 2, theft: 2, race_lost: 0, grace: 1 })
})

t.test('T33: a successor that was revoked is not returned', async (t) => {
  const { fastify } = await serverWithGrace(t)
  const token = await login(fastify)
  const next = (await refresh(fastify, token)).json().refresh_token
  await fastify.oauth.revoke({ token: next, reason: 'logout', by: 'user' })
  t.same((await refresh(fastify, token)).json(), refused)
})

t.test('T33: it is bound to the client', async (t) => {
  const { fastify } = await serverWithGrace(t)
  const token = await login(fastify)
  const first = tokensOf(await refresh(fastify, token))
  const form = { grant_type: 'refresh_token', refresh_token: token }
  const authorization = basic('backend', 'backend-secret')
  t.same((await postForm(fastify, '/oauth/token', form, { authorization })).json(), refused)
  t.same(tokensOf(await refresh(fastify, token)), first, 'and a stranger’s attempt changes nothing')
})

t.test('T33: it is bound to the scope, however that is written', async (t) => {
  const { fastify } = await serverWithGrace(t)
  const all = await login(fastify)
  const full = tokensOf(await refresh(fastify, all))
  t.same(tokensOf(await refresh(fastify, all, { scope: 'orders:read orders:write' })), full, 'the same, spelt out')
  const narrow = await login(fastify)
  const scope = 'orders:read orders:read'
  const narrowed = tokensOf(await refresh(fastify, narrow, { scope }))
  t.equal(narrowed.scope, 'orders:read')
  t.same(tokensOf(await refresh(fastify, narrow, { scope })), narrowed, 'the same request')
  t.same((await refresh(fastify, narrow)).json(), refused, 'more')
  t.same((await refresh(fastify, all, { scope: 'orders:read' })).json(), refused, 'and alice’s tokens are dead')
})

t.test('T33: scopes in another order are the same scope (RFC 6749 section 3.3)', async (t) => {
  const { fastify } = await serverWithGrace(t, WINDOW, [
    { id: 'web', grants: ['refresh_token'], scope: ['orders:read', 'orders:write', 'orders:delete'] }
  ])
  const token = await login(fastify)
  const first = tokensOf(await refresh(fastify, token, { scope: 'orders:read orders:delete' }))
  t.equal(first.scope, 'orders:read orders:delete')
  t.same(tokensOf(await refresh(fastify, token, { scope: 'orders:delete orders:read' })), first)
})

t.test('T33: asking for what may not be had is a reuse, not a hint that the token is covered', async (t) => {
  for (const more of [{ scope: 'admin' }, { scope: ' ' }, { resource: 'https://other.example' }]) {
    const { fastify } = await serverWithGrace(t)
    const token = await login(fastify)
    const next = (await refresh(fastify, token)).json()
    t.same((await refresh(fastify, token, more)).json(), refused)
    t.equal((await callOrders(fastify, next.access_token)).statusCode, 401)
  }
})

t.test('T33: it is bound to the resource', async (t) => {
  const resource = 'https://billing.example'
  const { fastify } = await serverWithGrace(t)
  const token = (
    await fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true, audience: resource })
  ).refresh_token
  const first = tokensOf(await refresh(fastify, token ?? ''))
  t.same(tokensOf(await refresh(fastify, token ?? '', { resource })), first)
  t.same((await refresh(fastify, token ?? '', { resource: 'https://api.example' })).json(), refused)
})

t.test('T33: of N concurrent refreshes all get the one successor', async (t) => {
  const { fastify, clock, store } = await serverWithGrace(t)
  const token = await login(fastify)
  store.gather('rotate', 20)
  const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(fastify, token)))
  for (const { statusCode } of answers) t.equal(statusCode, 200)
  t.equal(new Set(answers.map((answer) => JSON.stringify(tokensOf(answer)))).size, 1)
  t.equal(await store.live('refresh', clock.now()), 1)
  t.same(await outcomes(fastify), { refreshed: 1, theft: 0, race_lost: 0, grace: 19 })
})

t.test('T33: the stored rows never hold a token, the answer to be returned included', async (t) => {
  const { fastify, store } = await serverWithGrace(t)
  const token = await login(fastify)
  const { access_token: access, refresh_token: next } = (await refresh(fastify, token)).json()
  const written = JSON.stringify(store.written)
  t.match(written, /"receipt":"[\w-]{100,}"/)
  for (const secret of [token, next, access, ...access.split('.')]) t.notMatch(written, secret)
  const bytes = store.written.map((row) => Buffer.from('receipt' in row ? (row.receipt ?? '') : '', 'base64url'))
  for (const secret of [token, next, access]) t.notOk(bytes.some((sealed) => sealed.includes(secret)))
})

t.test('a receipt that cannot be opened covers nothing: the retry is a reuse', async (t) => {
  const { fastify, store, clock } = await serverWithGrace(t)
  await login(fastify)
  const [row] = store.written.flatMap((written) => ('type' in written && written.type === 'refresh' ? [written] : []))
  if (row === undefined) throw new Error('no refresh token was stored')
  const spent = { at: clock.now(), successor: row.id, trace: undefined, receipt: 'c29tZWJvZHkgZWxzZeKAmXM' }
  await store.insert([{ ...row, id: refreshTokenId('presented'), spent }])
  t.same((await refresh(fastify, 'presented')).json(), refused)
  t.same(await outcomes(fastify), { refreshed: 0, theft: 1, race_lost: 0, grace: 0 })
})

t.test('T34: after a crash between consume and response, the retry is given the answer that was lost', async (t) => {
  const { fastify, store, clock } = await serverWithGrace(t)
  const token = await login(fastify)
  store.after = async (verb) => {
    if (verb === 'rotate') throw new Error('connection reset')
  }
  t.equal((await refresh(fastify, token)).statusCode, 503)
  store.comeBack()
  const retried = await refresh(fastify, token)
  t.equal(retried.statusCode, 200)
  t.equal(await store.live('refresh', clock.now()), 1)
  t.same(tokensOf(await refresh(fastify, token)), tokensOf(retried))
  t.equal((await refresh(fastify, retried.json().refresh_token)).statusCode, 200)
  t.equal(await store.live('refresh', clock.now()), 1)
})
