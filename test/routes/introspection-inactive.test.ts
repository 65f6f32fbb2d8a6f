import type { LightMyRequestResponse } from 'fastify'
import { decodeJwt, generateKeyPair, SignJWT } from 'jose'
import t from 'tap'
import { CommandedStore } from '../support/commanded-store.ts'
import { AUDIENCE, basic, buildServer, OPTIONS, postForm, refresh, stoppedClock } from '../support/server.ts'

const BILLING = 'https://billing.example'

/** All that a caller sees of an answer. */
const seen = ({ statusCode, headers: { date: _, ...headers }, body }: LightMyRequestResponse) => ({
  statusCode,
  headers,
  body
})

t.test('I05, I06, I13: whatever is not active is exactly {"active":false}, at the same size and work', async (t) => {
  const clock = stoppedClock()
  const store = new CommandedStore()
  const fastify = await buildServer(t, {
    now: clock.now,
    store,
    audience: [AUDIENCE, BILLING],
    accessTokenTtl: 100,
    refreshToken: { idleTtl: 100, reuse: 'family' },
    clients: [
      ...OPTIONS.clients.filter(({ id }) => id !== 'gateway'),
      { id: 'gateway', secret: 'gateway-secret', introspect: [BILLING] }
    ]
  })
  const issue = async (audience = BILLING) => {
    const { access_token: access, refresh_token: token = '' } = await fastify.oauth.issue({
      clientId: 'web',
      subject: 'alice',
      refreshable: true,
      audience
    })
    return { access, token }
  }
  const introspect = (token: string) =>
    postForm(fastify, '/oauth/introspect', { token }, { authorization: basic('gateway', 'gateway-secret') })
  const expired = await issue()
  clock.advance(100)
  const [revoked, spent, live, elsewhere] = [await issue(), await issue(), await issue(), await issue(AUDIENCE)]
  await fastify.oauth.revoke({ token: revoked.token, reason: 'logout', by: 'user' })
  await refresh(fastify, spent.token)
  t.equal((await introspect(live.access)).json().active, true)

  const { privateKey } = await generateKeyPair('ES256')
  const sign = (claims: Record<string, unknown>) =>
    new SignJWT({ ...decodeJwt(live.access), ...claims })
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt' })
      .sign(privateKey)
  const [header = '', payload = ''] = live.access.split('.')
  const inactive = {
    unknown: 'x'.repeat(43),
    garbage: '☃"\\',
    'a JWT of nobody': 'a.b.c',
    'expired access': expired.access,
    'expired refresh': expired.token,
    'revoked access': revoked.access,
    'revoked refresh': revoked.token,
    'spent refresh': spent.token,
    'for another resource server, access': elsewhere.access,
    'for another resource server, refresh': elsewhere.token,
    'bad signature': `${header}.${payload}.${'A'.repeat(86)}`,
    'no signature': `${header}.${payload}.`,
    'signed by another key': await sign({}),
    'not yet valid': await sign({ nbf: clock.now() + 1000 }),
    'of another issuer': await sign({ iss: 'https://other.example' }),
    'a jti of a live token': String(decodeJwt(live.access).jti),
    'a live token, and more': `${live.access}.x`
  }
  const reference = seen(await introspect(inactive.unknown))
  t.equal(reference.statusCode, 200)
  t.equal(reference.body, '{"active":false}')
  for (const [what, token] of Object.entries(inactive)) {
    store.calls.length = 0
    t.same(seen(await introspect(token)), reference, what)
    t.same(store.calls, ['find'], `${what}: one look into the store`)
  }
})
