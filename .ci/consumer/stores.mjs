// The stores of the packed plugin, in an application that has no driver installed.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify from 'fastify'
import oauthTelemetry from 'fastify-oauth-telemetry'
import { liveThrough, options } from './life.mjs'

for (const driver of ['pg', 'redis', 'ioredis']) {
  await assert.rejects(import(driver), { code: 'ERR_MODULE_NOT_FOUND' }, `${driver} is here`)
}
assert.equal(process.moduleLoadList.includes('NativeModule sqlite'), false, 'the plugin itself loads no SQLite')

const { RedisStore } = await import('fastify-oauth-telemetry/stores/redis')
const { PostgresStore } = await import('fastify-oauth-telemetry/stores/postgres')
const { SqliteStore } = await import('fastify-oauth-telemetry/stores/sqlite')
assert.throws(() => new RedisStore({ client: {} }), TypeError)
assert.throws(() => new PostgresStore({ pool: {} }), TypeError)
assert.throws(() => new SqliteStore({ path: 7 }), TypeError)
console.log('  proved: the stores load without a driver, and the plugin without any store')

const folder = await mkdtemp(join(tmpdir(), 'consumer-'))
try {
  const fastify = Fastify()
  await fastify.register(oauthTelemetry, { ...options, store: new SqliteStore({ path: join(folder, 'tokens.db') }) })
  await liveThrough(fastify)
  await fastify.close()
  console.log('  proved: all of that in a file')
} finally {
  await rm(folder, { recursive: true })
}
