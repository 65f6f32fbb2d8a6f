import { Writable } from 'node:stream'
import Fastify from 'fastify'
import t from 'tap'
import oauthTelemetry from '../../lib/index.ts'
import { OPTIONS, postForm } from '../support/server.ts'

t.test('T15: what a client puts into the query by mistake is not logged', async (t) => {
  const lines: string[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    }
  })
  const fastify = Fastify({ logger: { level: 'trace', stream } })
  t.teardown(() => fastify.close())
  await fastify.register(oauthTelemetry, OPTIONS)
  for (const endpoint of ['token', 'revoke', 'introspect']) {
    await postForm(fastify, `/oauth/${endpoint}?client_secret=a-secret`, { client_id: 'reports' })
  }
  const logged = lines.map((line) => JSON.parse(line)).filter(({ req }) => req !== undefined)
  t.strictSame(
    logged.map(({ req }) => [req.method, req.url, req.remoteAddress]),
    ['token', 'revoke', 'introspect'].map((endpoint) => ['POST', `/oauth/${endpoint}`, '127.0.0.1'])
  )
  t.notMatch(lines.join(''), 'a-secret')
})
