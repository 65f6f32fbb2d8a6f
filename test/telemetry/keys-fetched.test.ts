import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { claimsOf, makeKey, signJwt } from '../support/jwt.ts'
import { samplesOf, scrape } from '../support/metrics.ts'
import { buildResourceServer, call } from '../support/resource-server.ts'
import { AUDIENCE } from '../support/server.ts'

t.test('keys.fetched counts fetches from configured issuers by outcome, and none for others', async (t) => {
  const key = makeKey('key-1')
  let works = false
  const keyServer = createServer((_request, response) => {
    if (works) response.end(JSON.stringify({ keys: [key.publicJwk] }))
    else response.writeHead(500).end()
  })
  await new Promise<void>((resolve) => keyServer.listen(0, '127.0.0.1', resolve))
  t.teardown(() => keyServer.close())
  const origin = `http://127.0.0.1:${(keyServer.address() as AddressInfo).port}`
  const trust = ['first', 'second'].map((name) => ({
    issuer: `${origin}/${name}`,
    audience: AUDIENCE,
    jwksUri: `${origin}/${name}/jwks`
  }))
  const fastify = await buildResourceServer(t, trust)
  const present = (iss: string) => call(fastify, `Bearer ${signJwt(key, claimsOf({ iss }))}`)

  const counted = async () => samplesOf(await scrape(fastify), 'oauth2_keys_fetched_total')
  const zeroes = {
    [`{oauth2_issuer="${origin}/first",oauth2_outcome="success"}`]: 0,
    [`{oauth2_issuer="${origin}/first",oauth2_outcome="failure"}`]: 0,
    [`{oauth2_issuer="${origin}/second",oauth2_outcome="success"}`]: 0,
    [`{oauth2_issuer="${origin}/second",oauth2_outcome="failure"}`]: 0
  }
  t.strictSame(await counted(), zeroes)
  t.equal((await present(`${origin}/first`)).statusCode, 503)
  works = true
  t.equal((await present(`${origin}/second`)).statusCode, 200)
  t.equal((await present(`${origin}/second`)).statusCode, 200, 'with the keys it has')
  t.equal((await present(`${origin}/elsewhere`)).statusCode, 401)
  t.strictSame(await counted(), {
    ...zeroes,
    [`{oauth2_issuer="${origin}/first",oauth2_outcome="failure"}`]: 1,
    [`{oauth2_issuer="${origin}/second",oauth2_outcome="success"}`]: 1
  })
  const { body } = await fastify.inject('/metrics')
  t.match(body, '# TYPE oauth2_keys_fetched_total counter')
  t.match(body, '# UNIT oauth2_keys_fetched_total {fetch}')
})
