import { inspect } from 'node:util'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import t from 'tap'
import { type IoredisClient, RedisStore } from '../../lib/stores/redis.ts'
import { freePort } from '../support/programs.ts'
import { startRedis } from '../support/redis.ts'
import { ioredis, newPrefix, nodeRedis } from '../support/redis-clients.ts'
import { accessToken, NOW, refreshToken, rotate, sorted, succession } from './conformance/tokens.ts'

const everything = (error: unknown) => inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true })

t.test('a server whose memory is full refuses new tokens; it still revokes, counts and prunes', async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  const client = ioredis(t, server)
  const store = new RedisStore({ client, prefix: newPrefix() })
  const [expiring, revoked, spent] = [accessToken({ expiresAt: NOW + 10 }), refreshToken(), refreshToken()]
  for (const token of [expiring, revoked, spent]) await store.insert([token])
  await client.config('SET', 'maxmemory', '1')

  const late = accessToken()
  await t.rejects(store.insert([late]), { message: /^Redis could not insert: OOM / })
  await t.rejects(rotate(store, spent, NOW), { message: /^Redis could not rotate: OOM / })
  t.equal(await store.find(late.id), undefined)
  t.strictSame(await store.find(spent.id), spent, 'nothing half-written')
  t.strictSame(sorted(await store.countLive(NOW)), ['web access 1', 'web refresh 2'])
  t.strictSame(sorted(await store.revoke({ family: revoked.family }, NOW + 1, 'admin')), ['web refresh 1'])
  t.strictSame(sorted(await store.countLive(NOW + 10)), ['web refresh 1'])
  t.strictSame(sorted(await store.prune(NOW + 10)), ['web access 1'])
  t.strictSame(sorted(await store.revoke({ subject: 'alice' }, NOW + 11, 'admin')), ['web refresh 1'])

  await client.config('SET', 'maxmemory', '0')
  t.equal(await store.insert([accessToken({ issuedAt: NOW + 12 })]), true, 'with memory again, as before')
})

t.test('what an error shows: what went wrong, and nothing of the tokens', async (t) => {
  const server = await startRedis(t, { settings: { requirepass: 'the-right-password' } })
  if (server === undefined) return
  const first = new Redis(server.port, server.host, { password: 'the-wrong-password' })
  first.on('error', () => {})
  t.teardown(() => first.disconnect())
  const token = refreshToken({ subject: 'canary-subject' })
  const store = new RedisStore({ client: first })
  const refusals = await Promise.allSettled([
    store.insert([token]),
    store.rotate(token.id, 'canary-client', succession(token, NOW, { receipt: 'canary-receipt' })),
    store.revoke({ subject: 'canary-subject' }, NOW, 'admin'),
    store.keep('signing-key', 'canary-key')
  ])
  t.match(
    refusals.map((refusal) => (refusal.status === 'rejected' ? String(refusal.reason) : 'it worked')),
    ['insert', 'rotate', 'revoke', 'keep'].map(
      (verb) => new RegExp(`^Error: Redis could not ${verb}: (NOAUTH|WRONGPASS)`)
    )
  )
  for (const refusal of refusals) t.notMatch(everything(refusal), /canary|password'/)
})

t.test("an error's cause is a copy of what the client said, whose own error stays as it was", async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  const connected = ioredis(t, server)
  const said: unknown[] = []
  const client: IoredisClient = {
    async evalsha(...command) {
      try {
        return await connected.evalsha(...command)
      } catch (error) {
        said.push(error)
        throw error
      }
    },
    eval: (...command) => connected.eval(...command)
  }
  const store = new RedisStore({ client })
  await store.keep('first', 'sends the script')
  said.length = 0
  await connected.config('SET', 'maxmemory', '1')
  const refusal: unknown = await store.keep('signing-key', 'canary-key').catch((error) => error)
  const message = /^OOM /
  t.match(refusal, { message: /^Redis could not keep: OOM /, cause: { name: 'ReplyError', message } })
  t.notMatch(everything(refusal), /canary/)
  t.match(said, [{ message, command: { name: 'evalsha' } }])
})

t.test('an error of the network keeps its code', async (t) => {
  const client = createClient({ url: `redis://127.0.0.1:${await freePort()}`, socket: { reconnectStrategy: false } })
  client.on('error', () => {})
  const eachConnects = {
    evalSha: () => client.connect(),
    eval: () => client.connect()
  }
  await t.rejects(new RedisStore({ client: eachConnects }).find(accessToken().id), {
    message: /^Redis could not find: connect ECONNREFUSED 127/,
    cause: { code: 'ECONNREFUSED' }
  })
})

t.test('a client that has no connection: the error says so, and has its cause', async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  const [first, second] = [ioredis(t, server), await nodeRedis(t, server)]
  await first.quit()
  await second.close()
  const [viaIoredis, viaNodeRedis] = [new RedisStore({ client: first }), new RedisStore({ client: second })]
  await t.rejects(viaIoredis.find(accessToken().id), {
    message: 'Redis could not find: Connection is closed.',
    cause: { message: 'Connection is closed.' }
  })
  await t.rejects(viaNodeRedis.countLive(NOW), {
    message: 'Redis could not count: The client is closed',
    cause: { name: 'Error' }
  })
  const never = createClient({ url: server.url })
  await t.rejects(new RedisStore({ client: never }).keep('a', 'b'), { message: /^Redis could not keep: / })
})

t.test('a client that waits for a server: its own timeout ends it, and has a name', async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  const client = createClient({ url: server.url, commandOptions: { timeout: 100 } })
  t.teardown(() => client.destroy())
  client.on('error', () => {})
  await client.connect()
  const store = new RedisStore({ client })
  await server.kill()
  const refusal = await Promise.allSettled([store.find(accessToken().id)])
  t.match(refusal, [{ reason: { message: /^Redis could not find: \S/ } }])
  await t.rejects(store.find(accessToken().id), { message: 'Redis could not find: TimeoutError' })
})

t.test("close: the client is its maker's, and goes on", async (t) => {
  const server = await startRedis(t)
  if (server === undefined) return
  const client = ioredis(t, server)
  await new RedisStore({ client }).close()
  t.equal(await client.ping(), 'PONG')
})
