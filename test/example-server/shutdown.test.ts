import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { request } from 'undici'
import { type ListeningProcess, startExampleServer } from '../support/processes.ts'
import { startCollector, startSilentServer } from './collector.ts'

const LOGIN = JSON.stringify({ username: 'alice', password: 'wonderland' })

/** Opens a connection and sends a login whose body is not complete yet. */
async function beginLogin({ url }: ListeningProcess, sent: string) {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.write(
    `POST /login HTTP/1.1\r\nhost: ${hostname}\r\nconnection: close\r\ncontent-type: application/json\r\n` +
      `content-length: ${LOGIN.length}\r\n\r\n${sent}`
  )
  return socket
}

/** Waits until the server has begun to work on a request. */
const begun = (server: ListeningProcess) => server.line(/"url":"\/login".*incoming request/)

/** Whether the server soon refuses connections; one that comes while it closes its port may be reset. */
async function refusesConnections({ url }: ListeningProcess): Promise<boolean> {
  for (let asked = 0; asked < 40; asked++) {
    const code = await request(`${url}/health`, { reset: true }).then(
      ({ body }) => body.dump(),
      (error) => error.code
    )
    if (code === 'ECONNREFUSED') return true
    await sleep(50)
  }
  return false
}

const elapsed = async (work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now()
  await work()
  return performance.now() - start
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal} ends an idle server at once, with exit code 0`, async (t) => {
    const server = await startExampleServer(t)
    const { body } = await request(`${server.url}/health`)
    await body.dump()
    const took = await elapsed(async () => t.match(await server.stop(signal), { code: 0, signal: null }))
    t.ok(took < 3000, `it took ${Math.round(took)} ms, with a client's connection kept open`)
  })
}

t.test('a request in flight is finished, its spans are sent, new connections are refused', async (t) => {
  const collector = await startCollector(t)
  const server = await startExampleServer(t, collector.env)
  const socket = await beginLogin(server, LOGIN.slice(0, 10))
  const answer = text(socket)
  await begun(server)

  server.child.kill('SIGTERM')
  await server.line(/"closing"/)
  t.ok(await refusesConnections(server))
  socket.write(LOGIN.slice(10))

  t.match(await answer, /^HTTP\/1\.1 200 OK\r\n.*"access_token":"[^"]+"/s)
  t.match(await server.ended, { code: 0 })
  t.strictSame(
    collector.spans.map(({ name }) => name),
    ['oauth2.token.issue']
  )
})

t.test('a client that never finishes its request does not hold the server up', async (t) => {
  const server = await startExampleServer(t)
  const socket = await beginLogin(server, LOGIN.slice(0, 10))
  socket.on('error', () => {})
  await begun(server)
  const took = await elapsed(async () => t.match(await server.stop(), { code: 0 }))
  t.ok(took >= 4500 && took < 8000, `it was given its time, and no more: ${Math.round(took)} ms`)
})

t.test('a collector that does not answer costs three seconds at most', async (t) => {
  const silent = await startSilentServer(t)
  const server = await startExampleServer(t, { OTEL_EXPORTER_OTLP_ENDPOINT: silent })
  await login(server)
  const took = await elapsed(async () => t.match(await server.stop(), { code: 0 }))
  // Without the bound it takes the SDK seven seconds or more.
  t.ok(took >= 2900 && took < 6500, `it took ${Math.round(took)} ms`)
})

t.test('a collector that is gone costs no more, and nothing complains', async (t) => {
  const server = await startExampleServer(t, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' })
  await login(server)
  const took = await elapsed(async () => t.match(await server.stop(), { code: 0 }))
  t.ok(took < 4500, `it took ${Math.round(took)} ms`)
  t.notMatch(server.output(), /ECONNREFUSED|rror"|"level":[56]0/)
})

t.test('a second signal ends it at once; one that comes twice, as from Ctrl-C under npm, is one', async (t) => {
  const server = await startExampleServer(t)
  const socket = await beginLogin(server, LOGIN.slice(0, 10))
  socket.on('error', () => {})
  await begun(server)

  server.child.kill('SIGINT')
  await server.line(/"closing"/)
  server.child.kill('SIGINT')
  await sleep(700)
  t.equal(server.child.exitCode, null, 'it still waits for the request')

  const took = await elapsed(async () => t.match(await server.stop('SIGINT'), { code: 1, signal: null }))
  t.ok(took < 2000, `it took ${Math.round(took)} ms`)
})

async function login({ url }: ListeningProcess): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const { statusCode, body } = await request(`${url}/login`, { method: 'POST', headers, body: LOGIN })
  await body.dump()
  if (statusCode !== 200) throw new Error(`login answered ${statusCode}`)
}
