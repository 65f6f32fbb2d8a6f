import { randomBytes } from 'node:crypto'
import t from 'tap'
import { claimsOf, forgeJwt, makeKey, signJwt, TENANT } from '../support/jwt.ts'
import { type Samples, scrape } from '../support/metrics.ts'
import { trustIn } from '../support/resource-server.ts'
import { AUDIENCE, buildServer, callOrders, ISSUER, postForm, refresh } from '../support/server.ts'

const FORGED = 100_000

const random = () => randomBytes(9).toString('base64url')
const sum = (samples: Samples) => [...samples].reduce((total, [, value]) => total + value, 0)
const seriesOf = (samples: Samples) => [...samples.keys()].sort()

const key = makeKey('key-1')
const signature = signJwt(key).split('.')[2] ?? ''

/** One kind of forgery each; only the last costs a verification. */
const forgeries: readonly (() => string)[] = [
  () => forgeJwt({ alg: 'ES256', kid: 'key-1', typ: 'at+jwt' }, claimsOf({ iss: `https://${random()}` }), signature),
  () => forgeJwt({ alg: 'ES256', kid: random(), typ: 'at+jwt' }, claimsOf({ client_id: random() }), signature),
  () => forgeJwt({ alg: 'ES256', kid: random() }, claimsOf({ iss: ISSUER, client_id: random() }), signature),
  () => forgeJwt({ alg: random(), kid: 'key-1' }, claimsOf({ client_id: random() }), signature),
  () => forgeJwt({ alg: 'none', kid: 'key-1' }, claimsOf({ client_id: random(), iss: TENANT })),
  () => `${random()}.${random()}.${random()}`,
  () => forgeJwt({ alg: 'ES256', kid: 'key-1', typ: 'at+jwt' }, claimsOf({ client_id: random() }), signature)
]

t.test('A1: 100,000 forged tokens with random client ids, kids and issuers add no series', async (t) => {
  const fastify = await buildServer(t, { trust: [trustIn(key)] })
  const present = async (token: string) => {
    await fastify.oauth.validate(token).then(
      () => t.fail('a forged token was accepted'),
      () => {}
    )
  }
  for (const forge of forgeries) await present(forge())
  await callOrders(fastify, 'not-a-token')
  const before = await scrape(fastify)

  for (let count = 0; count < FORGED; count += 1) {
    // One verification in a hundred is enough, and leaves the time to the others.
    const kind = count % 100 === 0 ? forgeries.length - 1 : count % (forgeries.length - 1)
    await present(forgeries[kind]?.() ?? '')
  }
  const after = await scrape(fastify)
  t.strictSame(seriesOf(after), seriesOf(before))
  t.equal(sum(after) - sum(before), FORGED, 'and each was counted, once')
})

t.test('A1: neither do requests of clients nobody knows, with tokens, grants and scopes nobody knows', async (t) => {
  const fastify = await buildServer(t, { failedAttempts: { max: 1_000_000, window: 60 } })
  const requests = async () => {
    const client_id = random()
    await postForm(fastify, '/oauth/token', { client_id, grant_type: random(), scope: random() })
    await postForm(fastify, '/oauth/token', { client_id: 'web', grant_type: random() })
    await refresh(fastify, random())
    await refresh(fastify, random(), { scope: random(), resource: `https://${random()}` })
    const basic = `Basic ${Buffer.from(`${random()}:${random()}`).toString('base64')}`
    for (const url of ['/oauth/token', '/oauth/revoke', '/oauth/introspect']) {
      await postForm(fastify, url, { token: random(), grant_type: 'client_credentials' }, { authorization: basic })
    }
    await postForm(fastify, '/oauth/revoke', { client_id: 'web', token: random() })
    await fastify.inject({ url: `/${random()}`, headers: { authorization: basic } })
  }
  await requests()
  const before = await scrape(fastify)
  for (let count = 0; count < 300; count += 1) await requests()
  t.strictSame(seriesOf(await scrape(fastify)), seriesOf(before))
})

t.test('A1: signed tokens of an issuer that invents clients fill the limit and no more', async (t) => {
  const clientLimit = 20
  const fastify = await buildServer(t, { trust: [trustIn(key)], telemetry: { clientLimit } })
  const present = (client_id: string) => fastify.oauth.validate(signJwt(key, claimsOf({ client_id })))
  for (let count = 0; count < 200; count += 1) await present(random())
  const { access_token } = await fastify.oauth.issue({ clientId: 'web', subject: 'alice', audience: AUDIENCE })
  await fastify.oauth.validate(access_token)
  const samples = await scrape(fastify)
  const clients = new Set(
    [...samples.keys()].flatMap((name) => [...name.matchAll(/oauth2_client_id="([^"]*)"/g)].map(([, id]) => id))
  )
  t.equal(clients.size, clientLimit + 2, 'with unknown and _other')
  t.equal(samples.get('oauth2_telemetry_clients_folded_total'), 200 - (clientLimit - 4))
  t.equal(samples.get('oauth2_token_validated_total{oauth2_client_id="web",oauth2_validation_result="valid"}'), 1)
})
