import { statSync } from 'node:fs'
import { join } from 'node:path'
import fastify, { type FastifyInstance } from 'fastify'
import oauthTelemetry from '../../lib/index.ts'
import { SqliteStore } from '../../lib/stores/sqlite.ts'
import { audience, basic, gateway, issuer, scope } from '../scenario.ts'
import { announce, type BeforeAndAfter, settings } from './channel.ts'
import { type Holder, populate } from './ours-sqlite-population.ts'
import { scratchFolder } from './ours-stores.ts'
import { startTelemetry } from './telemetry.ts'

export interface OursSqliteGrowingSettings {
  /** Live tokens of the grown file, and of the small one. */
  tokens: number
  few: number
  clients: number
}

const { tokens, few, clients } = settings<OursSqliteGrowingSettings>()
const folder = scratchFolder()
const rounds = 5
const operations = 400
const inFlight = 32
const hour = 3600
const day = 24 * hour

const stopTelemetry = startTelemetry()
const small = await grown('small.db', few)
const large = await grown('large.db', tokens)

const issue: BeforeAndAfter[] = []
const refresh: BeforeAndAfter[] = []
const find: BeforeAndAfter[] = []
const introspect: BeforeAndAfter[] = []
await round()
for (let done = 0; done < rounds; done++) {
  const [before, after] = await round()
  issue.push({ before: before.issue, after: after.issue })
  refresh.push({ before: before.refresh, after: after.refresh })
  find.push({ before: before.find, after: after.find })
  introspect.push({ before: before.introspect, after: after.introspect })
}

const bytesPerToken = statSync(join(folder, 'large.db')).size / tokens
await small.app.close()
await large.app.close()
const started = performance.now()
const app = await server(new SqliteStore({ path: join(folder, 'large.db') }))
await issueOne(app)
const startUp = (performance.now() - started) / 1000

app.get('/ping', async () => 'pong')
await app.listen({ port: 0, host: '127.0.0.1' })
announce(app.server, { database: { issue, refresh, find, introspect, startUp, bytesPerToken } }, stopTelemetry)

interface Side {
  app: FastifyInstance
  store: SqliteStore
  holders: Holder[]
  ids: string[]
}

async function grown(file: string, count: number): Promise<Side> {
  const store = new SqliteStore({ path: join(folder, file) })
  const now = Date.now() / 1000
  const times = (pair: number, pairs: number) => {
    const issuedAt = now - 10 * hour * (1 - pair / pairs)
    return { issuedAt, access: Math.floor(issuedAt) + day, refresh: Math.floor(issuedAt) + 30 * day }
  }
  const begun = performance.now()
  const sample = await populate(store, { tokens: count, clients, times }, (rounds + 2) * operations)
  console.error(`${count} tokens written in ${Math.round((performance.now() - begun) / 1000)} s`)
  return { app: await server(store), store, ...sample }
}

async function server(store: SqliteStore): Promise<FastifyInstance> {
  const instance = fastify()
  await instance.register(oauthTelemetry, {
    issuer,
    audience,
    clients: [
      { id: gateway.id, secret: gateway.secret, introspect: true },
      ...Array.from({ length: clients }, (_, number) => ({
        id: `client-${number}`,
        grants: ['refresh_token'],
        scope: [scope]
      }))
    ],
    store,
    signingAlg: 'ES256'
  })
  return instance
}

/** The one and the other in turn, so that neither has the better moment. */
async function round(): Promise<[Times, Times]> {
  return [await measured(small), await measured(large)]
}

interface Times {
  issue: number
  refresh: number
  find: number
  introspect: number
}

async function measured({ app, store, holders, ids }: Side): Promise<Times> {
  const spent = holders.splice(0, operations)
  return {
    issue: await timed(operations, () => issueOne(app)),
    refresh: await timed(spent.length, (index) => refreshOne(app, spent[index])),
    find: await timed(operations * 5, (index) => store.find(ids[index % ids.length] ?? '')),
    introspect: await timed(operations, (index) => introspectOne(app, holders[index % holders.length]))
  }
}

/** Mean seconds of one, with some in flight at any time. */
async function timed(times: number, work: (index: number) => Promise<unknown>): Promise<number> {
  let next = 0
  const begun = performance.now()
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (next < times) await work(next++)
    })
  )
  return (performance.now() - begun) / 1000 / times
}

function issueOne(app: FastifyInstance): Promise<unknown> {
  return app.oauth.issue({
    clientId: `client-${Math.floor(Math.random() * clients)}`,
    subject: `user-${Math.floor((Math.random() * tokens) / 10)}`,
    scope: [scope],
    refreshable: true
  })
}

async function refreshOne(app: FastifyInstance, holder: Holder | undefined): Promise<void> {
  const { statusCode, body } = await app.inject({
    method: 'POST',
    url: '/oauth/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: holder?.clientId ?? '',
      refresh_token: holder?.refreshToken ?? ''
    }).toString()
  })
  if (statusCode !== 200) throw new Error(`a refresh was answered ${statusCode}: ${body}`)
}

async function introspectOne(app: FastifyInstance, holder: Holder | undefined): Promise<void> {
  const { body } = await app.inject({
    method: 'POST',
    url: '/oauth/introspect',
    headers: { 'content-type': 'application/x-www-form-urlencoded', authorization: basic(gateway) },
    body: new URLSearchParams({ token: holder?.refreshToken ?? '' }).toString()
  })
  if (!body.includes('"active":true')) throw new Error(`an introspection was answered: ${body}`)
}
