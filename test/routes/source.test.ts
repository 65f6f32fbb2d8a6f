import t from 'tap'
import { basic, buildServer, refresh } from '../support/server.ts'

const attempts = async (t: Parameters<typeof buildServer>[0]) => {
  const fastify = await buildServer(t, { failedAttempts: { max: 2, window: 60 } })
  const post = (payload: string, headers: Record<string, string>, remoteAddress: string) =>
    fastify.inject({
      method: 'POST',
      url: '/oauth/token',
      remoteAddress,
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      payload
    })
  return {
    fastify,
    guess: async (remoteAddress: string, id = 'reports') =>
      (await post('grant_type=client_credentials', { authorization: basic(id, 'wrong') }, remoteAddress)).statusCode,
    postAsWeb: async (secret: string) =>
      (await post(`grant_type=refresh_token&client_id=web&client_secret=${secret}&refresh_token=x`, {}, '192.0.2.1'))
        .statusCode
  }
}

t.test('failures of one IPv6 network of 64 bits count together, and those of another do not', async (t) => {
  const { guess } = await attempts(t)
  t.equal(await guess('2001:db8::1'), 401)
  t.equal(await guess('2001:DB8:0:0:ffff::2'), 401)
  t.equal(await guess('2001:db8::3'), 429)
  t.equal(await guess('2001:db8:0:1::1'), 401)
})

t.test('failures of one IPv4 address count together, however it is written', async (t) => {
  const { guess } = await attempts(t)
  t.equal(await guess('10.9.9.9'), 401)
  t.equal(await guess('::ffff:10.9.9.9'), 401)
  t.equal(await guess('0:0:0:0:0:ffff:0a09:0909'), 429)
  t.equal(await guess('10.9.9.8'), 401)
})

t.test('what is no address counts as one', async (t) => {
  const { guess } = await attempts(t)
  t.equal(await guess('zz1'), 401)
  t.equal(await guess('zz2'), 401)
  t.equal(await guess('x'.repeat(5000)), 429)
})

t.test('made-up clients cannot push the count of a real one out of memory', async (t) => {
  const { guess } = await attempts(t)
  await guess('192.0.2.1')
  await guess('192.0.2.1')
  for (let id = 0; id < 10_001; id += 1) await guess('192.0.2.1', `made-up-${id}`)
  t.equal(await guess('192.0.2.1'), 429)
})

t.test('nobody can lock out a public client by its id', async (t) => {
  const { fastify, postAsWeb } = await attempts(t)
  for (let attempt = 0; attempt < 5; attempt += 1) t.equal(await postAsWeb('x'), 401)
  const { refresh_token = '' } = await fastify.oauth.issue({ clientId: 'web', subject: 'bob', refreshable: true })
  t.equal((await refresh(fastify, refresh_token)).statusCode, 200)
})
