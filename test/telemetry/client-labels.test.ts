import t, { type Test } from 'tap'
import { type Client, MemoryStore, type OAuthTelemetryOptions } from '../../lib/index.ts'
import { claimsOf, makeKey, signJwt } from '../support/jwt.ts'
import { samplesOf, scrape } from '../support/metrics.ts'
import { buildResourceServer, trustIn } from '../support/resource-server.ts'
import { basic, buildServer, postForm, refresh } from '../support/server.ts'

const key = makeKey('key-1')
const tokenOf = (clientId: unknown, more: Record<string, unknown> = {}) =>
  signJwt(key, claimsOf({ client_id: clientId, ...more }))

/** The client labels of a metric whose value is not zero, with it. */
async function clientsOf(fastify: Parameters<typeof scrape>[0], metric: string): Promise<Record<string, number>> {
  const clients: Record<string, number> = {}
  for (const [labels, value] of Object.entries(samplesOf(await scrape(fastify), metric))) {
    const client = /oauth2_client_id="([^"]*)"/.exec(labels)?.[1] ?? ''
    if (value !== 0) clients[client] = (clients[client] ?? 0) + value
  }
  return clients
}

const folded = async (fastify: Parameters<typeof scrape>[0]) =>
  (await scrape(fastify)).get('oauth2_telemetry_clients_folded_total')

t.test('a registered public client counts only with a token of its own', async (t) => {
  const fastify = await buildServer(t)
  await refresh(fastify, 'never-issued')
  await postForm(fastify, '/oauth/token', { grant_type: 'client_credentials', client_id: 'web' })
  const { refresh_token: ofBackend = '' } = await fastify.oauth.issue({
    clientId: 'backend',
    subject: 'alice',
    refreshable: true
  })
  await refresh(fastify, ofBackend)
  t.strictSame(await clientsOf(fastify, 'oauth2_token_refused_total'), { unknown: 3 })
  t.strictSame(await clientsOf(fastify, 'oauth2_token_validated_total'), { unknown: 2 })

  const { refresh_token = '' } = await fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  await refresh(fastify, refresh_token)
  await refresh(fastify, refresh_token)
  t.strictSame(await clientsOf(fastify, 'oauth2_token_refreshed_total'), { web: 1 })
  t.strictSame(await clientsOf(fastify, 'oauth2_token_refused_total'), { unknown: 3, web: 1 })
  t.strictSame(await clientsOf(fastify, 'oauth2_token_validated_total'), { unknown: 2, web: 1 })
})

t.test('a confidential client counts once it has authenticated', async (t) => {
  const fastify = await buildServer(t)
  const form = { grant_type: 'refresh_token', refresh_token: 'never-issued' }
  await postForm(fastify, '/oauth/token', form, { authorization: basic('backend', 'wrong') })
  t.strictSame(await clientsOf(fastify, 'oauth2_token_refused_total'), { unknown: 1 })
  await postForm(fastify, '/oauth/token', form, { authorization: basic('backend', 'backend-secret') })
  t.strictSame(await clientsOf(fastify, 'oauth2_token_refused_total'), { unknown: 1, backend: 1 })
})

t.test(
  'without a list of clients, verified tokens earn labels until the limit, and _other gets the rest',
  async (t) => {
    const fastify = await buildResourceServer(t, [trustIn(key)], { telemetry: { clientLimit: 2 } })
    for (const id of ['one', 'two', 'three', 'four', 'one']) await fastify.oauth.validate(tokenOf(id))
    t.strictSame(await clientsOf(fastify, 'oauth2_token_validated_total'), { one: 2, two: 1, _other: 2 })
    t.equal(await folded(fastify), 2)
    t.equal(await folded(fastify), 2, 'a scrape folds nothing')
  }
)

t.test('azp counts where there is no client_id, and no client at all is unknown', async (t) => {
  const trust = [{ ...trustIn(key), profile: 'jwt' as const }]
  const fastify = await buildResourceServer(t, trust)
  await fastify.oauth.validate(tokenOf(undefined, { azp: 'portal' }))
  await fastify.oauth.validate(tokenOf('mobile', { azp: 'portal' }))
  await fastify.oauth.validate(tokenOf(undefined))
  t.strictSame(await clientsOf(fastify, 'oauth2_token_validated_total'), { portal: 1, mobile: 1, unknown: 1 })
})

t.test('a client id that is no printable label of up to 256 characters is unknown', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  for (const id of ['x'.repeat(257), 'line\nbreak', 'snow☃', '\u0000']) await fastify.oauth.validate(tokenOf(id))
  await fastify.oauth.validate(tokenOf('x'.repeat(256)))
  t.strictSame(await clientsOf(fastify, 'oauth2_token_validated_total'), { unknown: 4, ['x'.repeat(256)]: 1 })
})

t.test('a label with quotes and backslashes is escaped, not a way out of it', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  await fastify.oauth.validate(tokenOf('a"} 1\\'))
  const { body } = await fastify.inject('/metrics')
  t.match(body, 'oauth2_client_id="a\\"} 1\\\\"')
})

async function serverWith(t: Test, clients: readonly Client[], clientLimit: number) {
  const fastify = await buildServer(t, { clients, telemetry: { clientLimit } })
  const issue = (clientId: string) => fastify.oauth.issue({ clientId, subject: 'alice' })
  return { fastify, issue }
}

t.test('known clients beyond the limit share _other, live tokens included, counted once per recording', async (t) => {
  const { fastify, issue } = await serverWith(t, [{ id: 'a' }, { id: 'b' }, { id: 'c' }], 1)
  t.equal(await folded(fastify), 0, 'zeroes fold nothing')
  await issue('a')
  await issue('b')
  await issue('c')
  t.strictSame(await clientsOf(fastify, 'oauth2_token_issued_total'), { a: 1, _other: 2 })
  t.strictSame(await clientsOf(fastify, 'oauth2_token_active'), { a: 1, _other: 2 })
  t.equal(await folded(fastify), 2)
})

t.test('where the list of clients is complete, no signature earns a label for anybody else', async (t) => {
  const store = new MemoryStore()
  const { privateKey } = makeKey('shared')
  const shared = { store, signingKeys: [privateKey] }
  const scope = ['orders:read']
  const before = await buildServer(t, { ...shared, clients: [{ id: 'web' }, { id: 'former', scope }] })
  const { access_token } = await before.oauth.issue({ clientId: 'former', subject: 'alice' })
  const after = await buildServer(t, { ...shared, clients: [{ id: 'web' }] })
  await after.oauth.validate(access_token)
  t.strictSame(await clientsOf(after, 'oauth2_token_validated_total'), { unknown: 1 })
  t.strictSame(await clientsOf(after, 'oauth2_token_active'), { unknown: 1 })

  const find = async (id: string) => (id === 'former' ? { id, scope } : undefined)
  const lookingUp = await buildServer(t, { ...shared, clients: find })
  await lookingUp.oauth.validate(access_token)
  t.strictSame(await clientsOf(lookingUp, 'oauth2_token_validated_total'), { former: 1 }, 'looked up one by one')
})

t.test('a forged client id is no label, whatever it says', async (t) => {
  const options: Partial<OAuthTelemetryOptions> = { trust: [trustIn(key)] }
  const fastify = await buildServer(t, options)
  const forged = signJwt(makeKey('key-1'), claimsOf({ client_id: 'web' }))
  await t.rejects(fastify.oauth.validate(forged))
  t.strictSame(await clientsOf(fastify, 'oauth2_token_validated_total'), { unknown: 1 })
})

t.test('there are 1000 client labels unless another number is asked for', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  for (let n = 0; n < 1001; n += 1) await fastify.oauth.validate(tokenOf(`client-${n}`))
  const clients = await clientsOf(fastify, 'oauth2_token_validated_total')
  t.equal(Object.keys(clients).length, 1001)
  t.equal(clients._other, 1)
})
