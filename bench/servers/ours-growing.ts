import { setTimeout } from 'node:timers/promises'
import fastify, { type FastifyInstance } from 'fastify'
import oauthTelemetry, { MemoryStore } from '../../lib/index.ts'
import { audience, issuer, scope } from '../scenario.ts'
import { announce, settings } from './channel.ts'
import { startTelemetry } from './telemetry.ts'

export interface OursGrowingSettings {
  /** Live tokens at the end: one access and one refresh token per issue, ten tokens per subject. */
  tokens: number
  clients: number
}

const { tokens, clients } = settings<OursGrowingSettings>()
const sample = 5000

const stopTelemetry = startTelemetry()

const practice = await server()
await issue(practice, 2 * sample)
await practice.close()

const app = await server()
await issue(app, 500)
const issueBefore = await issue(app, sample)
const bytesBefore = await settledBytes()
await issue(app, tokens / 2)
const bytesPerToken = ((await settledBytes()) - bytesBefore) / tokens
const issueAfter = await issue(app, sample)

await app.listen({ port: 0, host: '127.0.0.1' })
announce(app.server, { growth: { bytesPerToken, issueBefore, issueAfter } }, stopTelemetry)

async function server(): Promise<FastifyInstance> {
  const instance = fastify()
  await instance.register(oauthTelemetry, {
    issuer,
    audience,
    clients: Array.from({ length: clients }, (_, number) => ({
      id: `client-${number}`,
      grants: ['refresh_token'],
      scope: [scope]
    })),
    store: new MemoryStore(),
    signingAlg: 'ES256'
  })
  return instance
}

/** Mean seconds of one issue. */
async function issue(instance: FastifyInstance, times: number): Promise<number> {
  const started = performance.now()
  for (let issued = 0; issued < times; issued++) {
    await instance.oauth.issue({
      clientId: `client-${issued % clients}`,
      subject: `user-${Math.floor(issued / 5)}`,
      scope: [scope],
      refreshable: true
    })
  }
  return (performance.now() - started) / 1000 / times
}

async function settledBytes(): Promise<number> {
  for (let collections = 0; collections < 3; collections++) {
    globalThis.gc?.()
    await setTimeout(200)
  }
  return process.memoryUsage.rss()
}
