import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { CommandedStore } from '../support/commanded-store.ts'
import { scrape } from '../support/metrics.ts'
import { basic, buildServer, postForm, refresh, stoppedClock } from '../support/server.ts'

const DAY = 86_400
const RESOURCES = ['https://api.example', 'https://billing.example']

const refused = { error: 'invalid_grant', error_description: 'The refresh token is not valid.' }

/** A refresh token of alice at `web`. */
async function login(fastify: FastifyInstance, options: { scope?: string[]; audience?: string } = {}): Promise<string> {
  const issued = await fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true, ...options })
  return issued.refresh_token ?? ''
}

t.test('T25: a refresh may narrow the access token; the new refresh token keeps the full scope', async (t) => {
  const fastify = await buildServer(t)
  const first = (await refresh(fastify, await login(fastify), { scope: 'orders:read' })).json()
  t.equal(first.scope, 'orders:read')
  t.same((await fastify.oauth.validate(first.access_token)).scope, ['orders:read'])
  const second = (await refresh(fastify, first.refresh_token)).json()
  t.equal(second.scope, 'orders:read orders:write', 'what is omitted is the original')
  t.same((await fastify.oauth.validate(second.access_token)).scope, ['orders:read', 'orders:write'])
})

t.test('a refresh asks the store once, whatever it comes to; one that asks for less looks first', async (t) => {
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store })
  const askedBy = async (token: string, more: Record<string, string> = {}) => {
    store.calls.length = 0
    const { statusCode } = await refresh(fastify, token, more)
    return [statusCode, ...store.calls]
  }
  t.same(await askedBy('never-issued'), [400, 'rotate'])
  t.same(await askedBy(await login(fastify)), [200, 'rotate'])
  const token = await login(fastify)
  t.same(await askedBy(token, { scope: 'admin' }), [400, 'find'])
  t.same(await askedBy(token, { resource: 'https://elsewhere.example' }), [400, 'find'])
  t.same(await askedBy(token, { scope: 'orders:read' }), [200, 'find', 'rotate'])
  t.same(await askedBy('never-issued', { scope: 'orders:read' }), [400, 'find'])
})

t.test('T26: a wider or malformed scope is invalid_scope, and spends nothing', async (t) => {
  const fastify = await buildServer(t)
  const token = await login(fastify, { scope: ['orders:read'] })
  for (const scope of ['orders:read orders:write', 'orders:write', 'admin', 'orders:read  orders:read']) {
    const response = await refresh(fastify, token, { scope })
    t.equal(response.statusCode, 400)
    t.equal(response.json().error, 'invalid_scope', scope)
  }
  t.equal((await refresh(fastify, token)).statusCode, 200)
})

t.test(
  'T27: unknown, expired, revoked, spent and other clients’ refresh tokens: invalid_grant, all alike',
  async (t) => {
    const clock = stoppedClock()
    const fastify = await buildServer(t, { now: clock.now, refreshToken: { idleTtl: 100, reuse: 'family' } })
    const access = await fastify.oauth.issue({ clientId: 'web', subject: 'alice' })
    const expired = await login(fastify)
    clock.advance(100)
    const revoked = await login(fastify)
    await fastify.oauth.revoke({ token: revoked, reason: 'logout', by: 'user' })
    const spent = await login(fastify)
    await refresh(fastify, spent)
    const others = await fastify.oauth.issue({ clientId: 'backend', subject: 'alice', refreshable: true })
    const tokens = {
      unknown: 'x'.repeat(43),
      garbage: '☃"\\\r\n',
      'an access token': access.access_token,
      expired,
      revoked,
      spent,
      'another client’s': others.refresh_token ?? ''
    }
    for (const [what, token] of Object.entries(tokens)) {
      const response = await refresh(fastify, token)
      t.equal(response.statusCode, 400, what)
      t.same(response.json(), refused, what)
      t.equal(response.headers['www-authenticate'], undefined, what)
    }
    const missing = await postForm(fastify, '/oauth/token', { grant_type: 'refresh_token', client_id: 'web' })
    t.same(missing.json(), { error: 'invalid_request', error_description: 'The refresh_token parameter is missing.' })

    const samples = await scrape(fastify)
    const counted = (client: string, result: string, reason: string) => {
      const labels = [
        `oauth2_client_id="${client}"`,
        `oauth2_validation_reason="${reason}"`,
        `oauth2_validation_result="${result}"`
      ]
      return samples.get(`oauth2_token_validated_total{${labels.join(',')}}`)
    }
    t.equal(counted('web', 'expired', 'expired'), 1)
    t.equal(counted('web', 'invalid', 'revoked'), 1)
    t.equal(counted('web', 'invalid', 'reused'), 1)
    t.equal(counted('unknown', 'invalid', 'not_found'), 3)
    t.equal(counted('unknown', 'invalid', 'wrong_client'), 1)
  }
)

t.test(
  'T28: another client’s refresh token is neither spent nor revoked, and counted for who presented it',
  async (t) => {
    const fastify = await buildServer(t)
    const token = await login(fastify)
    const form = { grant_type: 'refresh_token', refresh_token: token }
    const authorization = basic('backend', 'backend-secret')
    for (let attempt = 0; attempt < 2; attempt += 1) {
      t.same((await postForm(fastify, '/oauth/token', form, { authorization })).json(), refused)
    }
    const labels =
      'oauth2_client_id="backend",oauth2_validation_reason="wrong_client",oauth2_validation_result="invalid"'
    t.equal((await scrape(fastify)).get(`oauth2_token_validated_total{${labels}}`), 2)
    t.equal((await refresh(fastify, token)).statusCode, 200)
  }
)

t.test('T30: every refresh rotates, of public and of confidential clients', async (t) => {
  const fastify = await buildServer(t)
  const seen = new Set<string>()
  let token = await login(fastify)
  for (let turn = 0; turn < 5; turn += 1) {
    seen.add(token)
    const response = await refresh(fastify, token)
    t.equal(response.statusCode, 200)
    token = response.json().refresh_token
  }
  t.equal(seen.add(token).size, 6)
  const issued = await fastify.oauth.issue({ clientId: 'backend', subject: 'bob', refreshable: true })
  const form = { grant_type: 'refresh_token', refresh_token: issued.refresh_token ?? '' }
  const authorization = basic('backend', 'backend-secret')
  const response = await postForm(fastify, '/oauth/token', form, { authorization })
  t.match(response.json().refresh_token, /^[0-9a-v]{8}[\w-]{43}$/)
  t.not(response.json().refresh_token, issued.refresh_token)
})

t.test('T35: a refresh token that is not used ends after its idle time', async (t) => {
  const clock = stoppedClock()
  const fastify = await buildServer(t, { now: clock.now, refreshToken: { idleTtl: DAY, absoluteTtl: 90 * DAY } })
  const first = await login(fastify)
  clock.advance(DAY - 1)
  const second = (await refresh(fastify, first)).json().refresh_token
  clock.advance(DAY - 0.5)
  const third = (await refresh(fastify, second)).json().refresh_token
  t.type(third, 'string', 'each rotation begins the idle time anew')
  clock.advance(DAY)
  t.same((await refresh(fastify, third)).json(), refused, 'on its end is after its end')
})

t.test('T35: a family ends at its absolute time, however often it is rotated', async (t) => {
  const clock = stoppedClock()
  const fastify = await buildServer(t, { now: clock.now, refreshToken: { idleTtl: DAY, absoluteTtl: 3 * DAY } })
  let token = await login(fastify)
  for (let half = 1; half < 6; half += 1) {
    clock.advance(DAY / 2)
    token = (await refresh(fastify, token)).json().refresh_token
  }
  clock.advance(DAY / 2 - 1)
  token = (await refresh(fastify, token)).json().refresh_token
  t.type(token, 'string', 'a second before the end')
  clock.advance(1)
  t.same((await refresh(fastify, token)).json(), refused)
})

t.test('T35: the absolute time ends a first refresh token too, where the idle time is longer', async (t) => {
  const clock = stoppedClock()
  const fastify = await buildServer(t, { now: clock.now, refreshToken: { absoluteTtl: DAY } })
  const token = await login(fastify)
  clock.advance(DAY)
  t.same((await refresh(fastify, token)).json(), refused)
})

t.test('T36: a refresh token is 256 random bits, and only its SHA-256 is stored', async (t) => {
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store, refreshToken: { graceWindow: 10 } })
  const tokens = [await login(fastify)]
  const accessTokens: string[] = []
  for (let turn = 0; turn < 20; turn += 1) {
    const answer = (await refresh(fastify, tokens.at(-1) ?? '')).json()
    tokens.push(answer.refresh_token)
    accessTokens.push(answer.access_token)
  }
  t.equal(new Set(tokens).size, 21)
  const rows = JSON.stringify(store.written)
  for (const token of tokens) {
    t.equal(Buffer.from(token.slice(8), 'base64url').length, 32)
    t.notMatch(rows, token)
    t.match(rows, createHash('sha256').update(token).digest('base64url'))
  }
  for (const token of accessTokens) t.notMatch(rows, token.split('.')[2], 'nor is an access token')
  const ones = tokens
    .flatMap((token) => [...Buffer.from(token.slice(8), 'base64url')])
    .reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0)
  t.ok(Math.abs(ones / (tokens.length * 256) - 0.5) < 0.05, `${ones} of ${tokens.length * 256} bits are set`)
})

t.test('T37: a refresh token is bound to its resource, and can be used for no other', async (t) => {
  const fastify = await buildServer(t, { audience: RESOURCES, resource: RESOURCES })
  const token = await login(fastify, { audience: 'https://billing.example' })
  for (const resource of ['https://api.example', 'https://other.example']) {
    const response = await refresh(fastify, token, { resource })
    t.equal(response.statusCode, 400)
    t.equal(response.json().error, 'invalid_target')
  }
  const answer = (await refresh(fastify, token, { resource: 'https://billing.example' })).json()
  t.equal((await fastify.oauth.validate(answer.access_token)).claims.aud, 'https://billing.example')
  const next = (await refresh(fastify, answer.refresh_token)).json()
  t.equal((await fastify.oauth.validate(next.access_token)).claims.aud, 'https://billing.example')
})

t.test('T37: the scope of a refresh token is that of its grant, not what the client has by now', async (t) => {
  const fastify = await buildServer(t)
  const token = await login(fastify, { scope: ['orders:read'] })
  const answer = (await refresh(fastify, token)).json()
  t.equal(answer.scope, 'orders:read')
  t.equal((await refresh(fastify, answer.refresh_token, { scope: 'orders:write' })).json().error, 'invalid_scope')
})
