import { Writable } from 'node:stream'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import oauthTelemetry from '../../lib/index.ts'
import { CommandedStore } from '../support/commanded-store.ts'
import { basic, OPTIONS, postForm } from '../support/server.ts'

const GRANT = { grant_type: 'client_credentials' }
const AUTHORIZATION = { authorization: basic('reports', 'reports-secret') }

/** A server that logs into memory, with a hook of the application in front of the endpoints. */
async function buildLogged(t: Test, options: { hook?: () => void; store?: CommandedStore } = {}) {
  const lines: string[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    }
  })
  const fastify = Fastify({ logger: { level: 'warn', stream } })
  t.teardown(() => fastify.close())
  const { hook, store } = options
  if (hook !== undefined) fastify.addHook('onRequest', async () => hook())
  await fastify.register(oauthTelemetry, { ...OPTIONS, ...(store === undefined ? {} : { store }) })
  return { post: () => postForm(fastify, '/oauth/token', GRANT, AUTHORIZATION), lines }
}

t.test('a refusal of another plugin keeps its status, in the form of an OAuth error', async (t) => {
  const { post, lines } = await buildLogged(t, {
    hook: () => {
      throw Object.assign(new Error('slow down, 192.0.2.1'), { statusCode: 429 })
    }
  })
  const response = await post()
  t.equal(response.statusCode, 429)
  t.strictSame(response.json(), { error: 'invalid_request', error_description: 'The request is malformed.' })
  t.strictSame(lines, [])
})

t.test('a failure of another plugin is a server_error that tells nothing, and is logged', async (t) => {
  const { post, lines } = await buildLogged(t, {
    hook: () => {
      throw new Error('cannot read /etc/secrets')
    }
  })
  const response = await post()
  t.equal(response.statusCode, 500)
  t.strictSame(response.json(), {
    error: 'server_error',
    error_description: 'The server could not complete the request.'
  })
  t.equal(lines.length, 1)
  t.match(lines[0], 'cannot read /etc/secrets')
})

t.test('what made the store fail is logged, and not answered', async (t) => {
  const store = new CommandedStore()
  const { post, lines } = await buildLogged(t, { store })
  store.goDown()
  const response = await post()
  t.equal(response.statusCode, 503)
  t.notMatch(response.body, 'connection refused')
  t.equal(lines.length, 1)
  t.match(lines[0], 'connection refused')
  t.notMatch(lines[0], 'reports-secret')
})
