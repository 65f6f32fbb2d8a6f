import t from 'tap'
import { buildServer, callOrders } from '../support/server.ts'

t.test("on the system's clock, no token that was being minted when its user was revoked survives", async (t) => {
  const fastify = await buildServer(t)
  let survivors = 0
  for (let round = 0; round < 100; round++) {
    const subject = `user-${round}`
    const minting = fastify.oauth.issue({ clientId: 'web', subject }).catch(() => undefined)
    await new Promise((resolve) => setImmediate(resolve))
    await fastify.oauth.revokeAll({ subject, reason: 'admin', by: 'test' })
    const minted = await minting
    if (minted !== undefined && (await callOrders(fastify, minted.access_token)).statusCode === 200) survivors += 1
  }
  t.equal(survivors, 0)
})

t.test("on the system's clock, a login right after a revocation lives", async (t) => {
  const fastify = await buildServer(t)
  for (let round = 0; round < 100; round++) {
    await fastify.oauth.revokeAll({ subject: 'alice', reason: 'security_incident', by: 'user' })
    const { access_token: token } = await fastify.oauth.issue({ clientId: 'web', subject: 'alice' })
    if ((await callOrders(fastify, token)).statusCode !== 200) t.fail(`round ${round}`)
  }
})
