// The life of some tokens, over HTTP, against the packed plugin: what is answered, and what the scrape says of it.
import assert from 'node:assert/strict'

/** One client that acts for itself, and a public one whose users log in elsewhere. */
export const options = {
  issuer: 'https://auth.example',
  audience: 'https://api.example',
  signingAlg: 'ES256',
  clients: [
    { id: 'reports', secret: 'reports-secret', grants: ['client_credentials'], scope: ['orders:read'] },
    { id: 'web', grants: ['refresh_token'], scope: ['orders:read'] }
  ]
}

/** All that a scrape must say after `liveThrough`, and nothing else of these families. */
const EXPECTED = {
  'oauth2_token_issued_total{reports,client_credentials}': 1,
  'oauth2_token_issued_total{web,direct}': 1,
  'oauth2_token_issued_total{web,refresh_token}': 1,
  'oauth2_token_refreshed_total{web}': 1,
  'oauth2_token_reuse_detected_total{web,theft}': 1,
  'oauth2_token_revoked_total{web,security_incident}': 3,
  'oauth2_token_validated_total{reports,valid}': 1,
  'oauth2_token_validated_total{web,invalid,revoked}': 1,
  'oauth2_token_validated_total{web,invalid,reused}': 1,
  'oauth2_token_active{reports,access}': 1
}

/** Samples above zero, by name and the values of their labels. */
function samples(text) {
  const families =
    /^(oauth2_token_(?:issued|refreshed|reuse_detected|revoked|validated)_total|oauth2_token_active)\{(.*)\} (\d+)$/gm
  const found = {}
  for (const [, name, labels, value] of text.matchAll(families)) {
    const values = [...labels.matchAll(/oauth2_\w+="([^"]*)"/g)].map(([, label]) => label)
    if (value !== '0') found[`${name}{${values.join(',')}}`] = Number(value)
  }
  return found
}

export function assertScrape(text) {
  assert.deepEqual(samples(text), EXPECTED)
  assert.match(text, /^oauth2_telemetry_dropped_total(\{.*\})? 0$/m)
}

/** Issue, validate, issue, refresh, reuse, validate, scrape; on a server that has registered the plugin. */
export async function liveThrough(fastify) {
  fastify.get('/orders', { onRequest: fastify.oauth.require('orders:read') }, async ({ token }) => token.claims)
  const origin = await fastify.listen({ port: 0, host: '127.0.0.1' })
  const post = (form, headers) =>
    fetch(`${origin}/oauth/token`, { method: 'POST', body: new URLSearchParams(form), headers })
  const orders = (token) => fetch(`${origin}/orders`, { headers: { authorization: `Bearer ${token}` } })

  const issued = await post(
    { grant_type: 'client_credentials' },
    { authorization: `Basic ${btoa('reports:reports-secret')}` }
  )
  assert.equal(issued.status, 200)
  assert.equal((await orders((await issued.json()).access_token)).status, 200)

  const { refresh_token } = await fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  const refresh = { grant_type: 'refresh_token', client_id: 'web', refresh_token }
  const refreshed = await post(refresh)
  assert.equal(refreshed.status, 200)
  const reused = await post(refresh)
  assert.equal(reused.status, 400)
  assert.equal((await reused.json()).error, 'invalid_grant')
  assert.equal((await orders((await refreshed.json()).access_token)).status, 401)

  const scrape = await fetch(`${origin}/metrics`)
  assert.equal(scrape.status, 200)
  assert.equal(scrape.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  assertScrape(await scrape.text())
  console.log(
    `  proved on Node ${process.version}: issued, refreshed, reused, revoked; the scrape says so; nothing dropped`
  )
}
