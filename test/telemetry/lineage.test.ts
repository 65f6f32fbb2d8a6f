import t from 'tap'
import { refreshTokenId } from '../../lib/oauth/tokens/token-id.ts'
import { CommandedStore } from '../support/commanded-store.ts'
import { buildServer, refresh } from '../support/server.ts'
import { idOf, recordSpans, sayingOf, spanNamed } from '../support/traces.ts'

t.test('a token chain can be walked from its end to its beginning by links alone', async (t) => {
  const recorded = recordSpans(t)
  const fastify = await buildServer(t)
  const { refresh_token: first = '' } = await fastify.oauth.issue({
    clientId: 'web',
    subject: 'alice',
    refreshable: true
  })
  const chain = [idOf(spanNamed(recorded, 'oauth2.token.issue').spanContext())]
  let token = first
  for (let generation = 1; generation <= 3; generation += 1) {
    recorded.reset()
    token = (await refresh(fastify, token)).json().refresh_token
    const span = spanNamed(recorded, 'oauth2.token.refresh')
    t.strictSame(sayingOf(span).links, chain.slice(-1), `generation ${generation}`)
    chain.push(idOf(span.spanContext()))
  }
  recorded.reset()
  await fastify.oauth.revoke({ token, reason: 'logout', by: 'user' })
  t.strictSame(sayingOf(spanNamed(recorded, 'oauth2.token.revoke')).links, chain.slice(-1))
})

t.test('the links of a reuse do not depend on how late it comes', async (t) => {
  const recorded = recordSpans(t)
  const fastify = await buildServer(t)
  const { refresh_token: stolen = '' } = await fastify.oauth.issue({
    clientId: 'web',
    subject: 'alice',
    refreshable: true
  })
  const issuer = idOf(spanNamed(recorded, 'oauth2.token.issue').spanContext())
  recorded.reset()
  const { refresh_token: second } = (await refresh(fastify, stolen)).json()
  const spender = idOf(spanNamed(recorded, 'oauth2.token.refresh').spanContext())
  await refresh(fastify, second)
  for (const time of ['once', 'again']) {
    recorded.reset()
    await refresh(fastify, stolen)
    t.strictSame(sayingOf(spanNamed(recorded, 'oauth2.token.refresh')).links, [issuer, spender], time)
  }
})

t.test('the store keeps a traceparent of 55 characters, and no token carries it', async (t) => {
  const recorded = recordSpans(t)
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store })
  const { access_token, refresh_token } = await fastify.oauth.issue({
    clientId: 'web',
    subject: 'alice',
    refreshable: true
  })
  const { traceId, spanId } = spanNamed(recorded, 'oauth2.token.issue').spanContext()
  const kept = store.written.flatMap((row) => ('type' in row ? [row.trace] : []))
  t.strictSame(kept, [`00-${traceId}-${spanId}-01`, `00-${traceId}-${spanId}-01`])
  t.equal(kept[0]?.length, 55)
  const [header = '', payload = ''] = access_token.split('.')
  const readable = Buffer.from(header, 'base64url').toString() + Buffer.from(payload, 'base64url').toString()
  t.notMatch(readable + refresh_token, new RegExp(`${traceId}|${spanId}`))
})

t.test('a token issued before there was tracing is linked to nothing', async (t) => {
  const fastify = await buildServer(t)
  const { refresh_token = '' } = await fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  const recorded = recordSpans(t)
  t.equal((await refresh(fastify, refresh_token)).statusCode, 200)
  t.strictSame(spanNamed(recorded, 'oauth2.token.refresh').links, [])
})

t.test('a row that names no valid span is linked to nothing', async (t) => {
  const recorded = recordSpans(t)
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store })
  await fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  const [row] = store.written.flatMap((written) => ('type' in written && written.type === 'refresh' ? [written] : []))
  if (row === undefined) throw new Error('no refresh token was stored')
  for (const trace of [`00-${'0'.repeat(32)}-${'0'.repeat(16)}-01`, 'nonsense']) {
    recorded.reset()
    await store.insert([{ ...row, id: refreshTokenId(trace), trace }])
    t.equal((await refresh(fastify, trace)).statusCode, 200)
    t.strictSame(spanNamed(recorded, 'oauth2.token.refresh').links, [])
  }
})
