import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import Fastify, { type LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import oauthTelemetry, { OAuthError, type TokenEvent } from '../../lib/index.ts'
import { Canaries } from './canaries.ts'
import { CommandedStore } from './commanded-store.ts'
import { makeKey } from './jwt.ts'
import { recordLogs } from './logs.ts'
import { metricRecorder, registerMeterProvider } from './metrics.ts'
import { trustIn } from './resource-server.ts'
import { AUDIENCE, basic, ISSUER } from './server.ts'
import { recordSpans } from './traces.ts'

/** A value with everything in it, as text. */
export const show = (value: unknown) =>
  inspect(value, { depth: 12, maxArrayLength: null, maxStringLength: null, showHidden: true })

/** A key server that answers with an error, and says in it what it was sent. */
async function brokenKeyServer(t: Test): Promise<string> {
  const server = createServer((request, response) => response.writeHead(500).end(JSON.stringify(request.headers)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A server that does everything, and everything that it leaves behind. */
export async function watchedServer(t: Test) {
  const canaries = new Canaries()
  const spans = recordSpans(t)
  const logRecords = recordLogs(t)
  const metrics = metricRecorder()
  registerMeterProvider(t, metrics.reader)
  const store = new CommandedStore()
  const texts: Record<'log' | 'bodies' | 'errors', string[]> = { log: [], bodies: [], errors: [] }
  const seen = { ...texts, events: [] as TokenEvent[], statuses: new Set<number>() }
  const fastify = Fastify({ logger: { level: 'trace', stream: { write: (line) => seen.log.push(line) } } })
  t.teardown(() => fastify.close())
  const key = makeKey('tenant')
  const signingKey = makeKey('own').privateKey
  canaries.add(String(signingKey.export({ format: 'jwk' }).d))
  const keyServer = await brokenKeyServer(t)
  const secrets = { confidential: canaries.make(), gateway: canaries.make() }
  await fastify.register(oauthTelemetry, {
    issuer: ISSUER,
    audience: AUDIENCE,
    store,
    signingKeys: [signingKey],
    refreshToken: { graceWindow: 30, reuse: 'family' },
    failedAttempts: { max: 8, window: 60 },
    trust: [trustIn(key), { issuer: keyServer, audience: AUDIENCE, jwksUri: `${keyServer}/jwks` }],
    telemetry: { userId: 'hash', userIdKey: canaries.make(), onEvent: (event) => void seen.events.push(event) },
    grants: {
      'urn:code': async ({ form }) => {
        if (form.get('code')?.startsWith('bad')) throw new OAuthError('invalid_grant', 'The code is not valid.')
        if (form.get('code')?.startsWith('bug')) throw new TypeError('the handler has a bug')
        return { subject: 'alice', refreshable: true }
      }
    },
    clients: [
      {
        id: 'confidential',
        secret: [secrets.confidential, canaries.make()],
        grants: ['client_credentials', 'refresh_token', 'urn:code'],
        scope: ['orders:read']
      },
      { id: 'web', grants: ['refresh_token'], scope: ['orders:read'] },
      { id: 'gateway', secret: secrets.gateway, introspect: true }
    ]
  })
  fastify.get('/orders', { onRequest: fastify.oauth.require('orders:read') }, async () => ({}))
  fastify.get('/writes', { onRequest: fastify.oauth.require('orders:write') }, async () => ({}))
  fastify.get('/broken', { onRequest: fastify.oauth.require() }, async ({ token }) => {
    throw new Error(`the application failed for ${token.claims.sub}`)
  })
  fastify.get('/unguarded', async ({ token }) => token.claims)

  const basicOf = (id: string, secret: string) => canaries.add(basic(id, secret))
  /** Answers that hand out tokens are the only ones that may hold any. */
  const keep = (response: LightMyRequestResponse, handsOut = false) => {
    const { body, statusCode } = response
    seen.statuses.add(statusCode)
    if (handsOut && statusCode === 200) {
      for (const name of ['access_token', 'refresh_token'])
        if (response.json()[name]) canaries.add(response.json()[name])
    } else seen.bodies.push(body, show(response.headers))
    return response
  }
  return { canaries, spans, logRecords, metrics, store, seen, fastify, key, keyServer, secrets, basicOf, keep }
}

export type Watched = Awaited<ReturnType<typeof watchedServer>>
