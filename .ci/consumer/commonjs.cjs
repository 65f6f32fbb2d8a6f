// A CommonJS application: Node's require() loads ES modules that await nothing at their top level.
const assert = require('node:assert/strict')
const Fastify = require('fastify')
const { default: oauthTelemetry, MemoryStore, OAuthError } = require('fastify-oauth-telemetry')
const { liveThrough, options } = require('./life.mjs')

async function main() {
  assert.equal(typeof OAuthError, 'function')
  const fastify = Fastify()
  await fastify.register(oauthTelemetry, { ...options, store: new MemoryStore() })
  await liveThrough(fastify)
  await fastify.close()
}

main()
