import t from 'tap'
import { RedisStore, type RedisStoreOptions } from '../../lib/stores/redis.ts'
import { accessToken, refreshToken, succession } from './conformance/tokens.ts'

const CLIENT =
  'client must be a client of ioredis or node-redis, for example new Redis(), createClient() or fastify.redis'
const PREFIX = "prefix must be a non-empty string without braces, for example 'oauth'"
const OPTIONS = 'it takes an object, for example { client: new Redis() }'

const sent = () => Promise.reject(new Error('a command was sent'))

/** Has the methods of a client, and is connected to nothing. */
const client = { eval: sent, evalsha: sent }

t.test('a wrong option is refused at once, and the error says what to write instead', async (t) => {
  const wrong: readonly (readonly [unknown, string])[] = [
    [undefined, OPTIONS],
    [null, OPTIONS],
    ['redis://localhost', OPTIONS],
    [{}, CLIENT],
    [{ client: undefined }, CLIENT],
    [{ client: null }, CLIENT],
    [{ client: 'redis://localhost' }, CLIENT],
    [{ client: { cache: client } }, CLIENT],
    [{ client: { evalsha: client.evalsha } }, CLIENT],
    [{ client: { eval: client.eval } }, CLIENT],
    [{ client, prefix: '' }, PREFIX],
    [{ client, prefix: 7 }, PREFIX],
    [{ client, prefix: 'a{b}' }, PREFIX],
    [{ client, url: 'redis://localhost' }, 'there is no "url": it takes client, prefix']
  ]
  for (const [options, message] of wrong) {
    t.throws(() => new RedisStore(options as RedisStoreOptions), new TypeError(`RedisStore: ${message}`))
  }
})

t.test('tokens that are written together must name one place, and are not written otherwise', async (t) => {
  const store = new RedisStore({ client })
  const message = 'RedisStore: the ids of tokens that are written together must name one place'
  const token = refreshToken({ id: '0000000a-of-a-family', family: '0000000a' })
  await t.rejects(store.insert([accessToken({ id: 'nobody' })]), new TypeError(message))
  await t.rejects(store.insert([token, accessToken({ family: '0000000b' })]), new TypeError(message))
  const { access, ...into } = succession(token, 1)
  const elsewhere = { ...access, id: '0000000b-of-another' }
  await t.rejects(store.rotate(token.id, 'web', { ...into, access: elsewhere }), new TypeError(message))
})
