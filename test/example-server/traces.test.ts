import t from 'tap'
import { request } from 'undici'
import { type ListeningProcess, startExampleServer } from '../support/processes.ts'
import { attributesOf, type Span, startCollector } from './collector.ts'

/** The callers' traces, one per request. */
const TRACE = {
  login: '11111111111111111111111111111111',
  call: '22222222222222222222222222222222',
  refresh: '33333333333333333333333333333333',
  reuse: '44444444444444444444444444444444',
  refused: '55555555555555555555555555555555'
}
const CALLER = '00f067aa0ba902b7'

const traceparent = (trace: keyof typeof TRACE, flags = '01') => ({
  traceparent: `00-${TRACE[trace]}-${CALLER}-${flags}`
})

interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
}

async function login({ url }: ListeningProcess, headers: Record<string, string>): Promise<Tokens> {
  const { body } = await request(`${url}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ username: 'alice', password: 'wonderland' })
  })
  return (await body.json()) as Tokens
}

async function refresh({ url }: ListeningProcess, token: string, headers: Record<string, string>) {
  const { statusCode, body } = await request(`${url}/oauth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams({ grant_type: 'refresh_token', client_id: 'web', refresh_token: token }).toString()
  })
  return { status: statusCode, tokens: (await body.json()) as Tokens }
}

async function call({ url }: ListeningProcess, token: string, headers: Record<string, string>): Promise<number> {
  const { statusCode, body } = await request(`${url}/orders`, {
    headers: { authorization: `Bearer ${token}`, ...headers }
  })
  await body.dump()
  return statusCode
}

t.test("the spans of a token's life are in its callers' traces, linked to each other", async (t) => {
  const collector = await startCollector(t)
  const server = await startExampleServer(t, collector.env)

  const first = await login(server, traceparent('login'))
  t.equal(await call(server, first.access_token, traceparent('call')), 200)
  t.equal((await refresh(server, first.refresh_token, traceparent('refresh'))).status, 200)
  t.equal((await refresh(server, first.refresh_token, traceparent('reuse'))).status, 400)
  t.equal(await call(server, first.access_token, traceparent('refused')), 401)
  t.match(await server.stop(), { code: 0 }, 'what was not sent yet is sent at the end')

  const names = (trace: keyof typeof TRACE) =>
    collector.spans
      .filter(({ traceId }) => traceId === TRACE[trace])
      .map(({ name }) => name)
      .sort()
  const span = (trace: keyof typeof TRACE, name: string): Span => {
    const [found, ...others] = collector.spans.filter((span) => span.traceId === TRACE[trace] && span.name === name)
    if (found === undefined || others.length > 0) throw new Error(`not exactly one ${name} in ${trace}`)
    return found
  }
  const linkTo = ({ traceId, spanId }: Span) => ({ traceId, spanId })
  const links = (of: Span) => of.links.map(({ traceId, spanId }) => ({ traceId, spanId }))

  t.equal(collector.spans.length, 7, 'nothing is outside the traces of the callers')
  t.strictSame(names('login'), ['oauth2.token.issue'])
  t.strictSame(names('call'), ['oauth2.token.validate'])
  t.strictSame(names('refresh'), ['oauth2.token.issue', 'oauth2.token.refresh'])
  t.strictSame(names('reuse'), ['oauth2.token.refresh', 'oauth2.token.revoke_all'])
  t.strictSame(names('refused'), ['oauth2.token.validate'])

  const issue = span('login', 'oauth2.token.issue')
  const validate = span('call', 'oauth2.token.validate')
  const rotation = span('refresh', 'oauth2.token.refresh')
  const reuse = span('reuse', 'oauth2.token.refresh')
  const refused = span('refused', 'oauth2.token.validate')
  for (const root of [issue, validate, rotation, reuse, refused]) t.equal(root.parentSpanId, CALLER)
  t.equal(span('refresh', 'oauth2.token.issue').parentSpanId, rotation.spanId, 'a refresh contains its issue')
  t.equal(span('reuse', 'oauth2.token.revoke_all').parentSpanId, reuse.spanId, 'a reuse contains its revoke_all')

  t.strictSame(links(rotation), [linkTo(issue)], 'a refresh links to what issued the token it spends')
  t.strictSame(links(reuse), [linkTo(issue), linkTo(rotation)], 'a reuse also to what spent it first')

  t.match(attributesOf(issue), {
    'oauth2.client_id': 'web',
    'oauth2.user_id': 'alice',
    'oauth2.grant_type': 'direct',
    'oauth2.scopes': 'orders:read,orders:write',
    'oauth2.token_ttl_seconds': 3600
  })
  t.match(attributesOf(validate), { 'oauth2.client_id': 'web', 'oauth2.validation.result': 'valid' })
  t.match(attributesOf(refused), {
    'oauth2.validation.result': 'invalid',
    'oauth2.validation.reason': 'revoked',
    'error.type': 'invalid_token'
  })
  t.notOk(refused.status.code, 'a refused token is no failure of ours')
  t.match(reuse.status, { code: 2, message: 'Refresh token reuse detected' })
  const [event] = reuse.events
  t.equal(event?.name, 'refresh_token_reuse_detected')
  t.match(event && attributesOf(event), { 'oauth2.client_id': 'web', 'oauth2.user_id': 'alice' })
  t.match(attributesOf(span('reuse', 'oauth2.token.revoke_all')), {
    'oauth2.user_id': 'alice',
    'oauth2.revocation.reason': 'security_incident',
    'oauth2.tokens_revoked': 3
  })

  const logged = collector.logs.map(({ eventName, traceId, spanId }) => ({ eventName, traceId, spanId }))
  t.strictSame(
    logged.sort((a, b) => (a.eventName < b.eventName ? -1 : 1)),
    [
      { eventName: 'oauth2.token.revoke_all', ...linkTo(span('reuse', 'oauth2.token.revoke_all')) },
      { eventName: 'refresh_token_reuse_detected', ...linkTo(reuse) }
    ],
    'the log records are in the spans they belong to'
  )
  t.ok(collector.metrics.has('oauth2.token.reuse_detected'), 'the metrics arrive too')
  t.ok(collector.metrics.has('oauth2.token.active'))

  const everything = JSON.stringify([collector.spans, collector.logs])
  for (const secret of [first.access_token, first.refresh_token]) t.notMatch(everything, secret)
})

t.test('callers that do not sample get no spans', async (t) => {
  const collector = await startCollector(t)
  const server = await startExampleServer(t, collector.env)
  const { access_token } = await login(server, traceparent('login', '00'))
  t.equal(await call(server, access_token, traceparent('call', '00')), 200)
  t.equal(await call(server, access_token, traceparent('refused', '01')), 200)
  await server.stop()
  t.strictSame(
    collector.spans.map(({ traceId }) => traceId),
    [TRACE.refused]
  )
})
