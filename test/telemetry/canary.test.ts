import type { FastifyInstance } from 'fastify'
import t from 'tap'
import type { TokenResponse } from '../../lib/index.ts'
import { claimsOf, forgeJwt, signJwt, TENANT } from '../support/jwt.ts'
import { show, type Watched, watchedServer } from '../support/watched-server.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

async function post(watched: Watched, path: string, form: Record<string, string>, authorization?: string | string[]) {
  const headers = { ...FORM, ...(authorization === undefined ? {} : { authorization }) } as Record<string, string>
  const payload = new URLSearchParams(form).toString()
  const response = await watched.fastify.inject({ method: 'POST', url: `/oauth/${path}`, headers, payload })
  return watched.keep(response, path === 'token')
}

const call = async ({ fastify, keep }: Watched, token: string, url = '/orders') =>
  keep(await fastify.inject({ url, headers: { authorization: `Bearer ${token}` } }))

/** Every request there is, good and bad; the same ones while everything works and while nothing does. */
async function everyPath(watched: Watched, tokens: TokenResponse): Promise<void> {
  const { canaries, fastify, key, keyServer, secrets, basicOf, keep, seen } = watched
  const good = basicOf('confidential', secrets.confidential)
  const gateway = basicOf('gateway', secrets.gateway)
  const rejected = (error: unknown) => void seen.errors.push(show(error), String((error as Error).stack))
  const access = canaries.add(tokens.access_token)
  const refreshToken = canaries.add(tokens.refresh_token ?? '')

  await post(watched, 'token', { grant_type: 'client_credentials' }, good)
  await post(watched, 'token', {
    grant_type: 'client_credentials',
    client_id: 'confidential',
    client_secret: secrets.confidential
  })
  for (const kind of ['good', 'bad', 'bug']) {
    await post(watched, 'token', { grant_type: 'urn:code', code: canaries.add(`${kind}-${canaries.make()}`) }, good)
  }
  const spend = { grant_type: 'refresh_token', client_id: 'web', refresh_token: refreshToken }
  for (const scope of [canaries.make(), '', '', 'orders:read']) await post(watched, 'token', { ...spend, scope })
  await post(watched, 'token', { ...spend, refresh_token: canaries.make() })
  await post(watched, 'token', { ...spend, client_id: 'confidential' }, good)

  await post(watched, 'token', { grant_type: canaries.make() }, basicOf('confidential', canaries.make()))
  await post(watched, 'token', { client_id: canaries.make(), client_secret: canaries.make() })
  await post(watched, 'token', { client_id: 'confidential', client_secret: secrets.confidential }, good)
  await post(watched, 'token', { grant_type: canaries.make() }, good)
  await post(watched, 'token', {}, [good, gateway])
  await post(watched, 'token', {}, `Basic ${canaries.make()}:${canaries.make()}`)
  await post(watched, 'token', {}, canaries.make())
  for (const [type, payload] of [
    ['application/json', JSON.stringify({ client_secret: secrets.confidential })],
    [FORM['content-type'], `client_secret=%${secrets.confidential}&code=%zz${canaries.make()}`],
    [FORM['content-type'], `client_secret=${secrets.confidential}`.repeat(1000)]
  ]) {
    const headers = { 'content-type': String(type), authorization: good }
    keep(await fastify.inject({ method: 'POST', url: '/oauth/token', headers, payload: String(payload) }))
  }

  const now = Math.floor(Date.now() / 1000)
  for (const token of [
    access,
    `${access.slice(0, -8)}AAAAAAAA`,
    access.slice(0, 100),
    canaries.make(),
    refreshToken,
    signJwt(key),
    signJwt(key, claimsOf({ exp: now - 3600 })),
    signJwt(key, claimsOf({ aud: canaries.make(), jti: canaries.make() })),
    signJwt(key, claimsOf(), { crit: [canaries.make()] }),
    signJwt(key, claimsOf({ iss: keyServer })),
    forgeJwt({ alg: canaries.make(), kid: canaries.make() }, claimsOf({ client_id: canaries.make(), iss: TENANT })),
    `${canaries.make()} ${canaries.make()}`
  ]) {
    canaries.add(token)
    for (const url of ['/orders', '/writes', '/broken', '/unguarded']) await call(watched, token, url)
    await fastify.oauth.validate(token).catch(rejected)
    await post(watched, 'introspect', { token, token_type_hint: canaries.make() }, gateway)
  }
  await post(watched, 'introspect', { token: access }, good)
  await post(watched, 'revoke', { token: access }, good)
  await post(watched, 'revoke', { token: access, client_id: 'web' })
  await post(watched, 'revoke', { token: canaries.make(), client_id: 'web' })
  await fastify.oauth.revoke({ token: refreshToken, reason: 'logout', by: 'user' }).catch(rejected)
  await fastify.oauth.revokeAll({ subject: 'alice', reason: 'admin', by: 'admin' }).catch(rejected)
  await fastify.oauth.issue({ clientId: 'web', subject: 'alice', claims: { unsignable: 1n } }).catch(rejected)
  for (let guess = 0; guess < 10; guess += 1) await post(watched, 'token', {}, basicOf('nobody', canaries.make()))
}

/** All that could have been kept of it. */
async function sinks(fastify: FastifyInstance, watched: Watched): Promise<Record<string, string>> {
  const { spans, logRecords, metrics, store, seen } = watched
  const { log, events, bodies, errors } = seen
  return {
    log: log.join(''),
    spans: show(
      spans.spans().map(({ name, attributes, events, links, status }) => [name, attributes, events, links, status])
    ),
    metrics: show([...(await metrics.collect()).values()]),
    scrape: (await fastify.inject('/metrics')).body,
    'log records': show(logRecords.records().map(({ eventName, attributes, body }) => [eventName, attributes, body])),
    events: show(events),
    'response bodies': bodies.join('\n'),
    errors: errors.join('\n'),
    'stored rows': show(store.written)
  }
}

t.test('A12: no secret, token, code or Authorization header is in anything we leave behind', async (t) => {
  const watched = await watchedServer(t)
  const { canaries, fastify, store, seen } = watched
  const issue = () => fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  await everyPath(watched, await issue())
  const issued = await issue()
  store.goDown()
  await t.rejects(issue())
  await everyPath(watched, issued)
  store.comeBack()
  t.strictSame([...seen.statuses].sort(), [200, 400, 401, 403, 413, 429, 500, 503], 'every way to end')

  t.ok(canaries.size > 300, `${canaries.size} canaries`)
  for (const [sink, text] of Object.entries(await sinks(fastify, watched))) {
    t.ok(text.length > 500, `${sink}: ${text.length} characters`)
    t.strictSame(canaries.foundIn(text), [], `${sink}: no canary`)
  }
})
