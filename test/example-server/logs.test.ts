import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { request } from 'undici'
import { startExampleServer } from '../support/processes.ts'

const CANARY = 'canary-4f1a'

t.test('A12: no query string, password or token is ever logged', async (t) => {
  const server = await startExampleServer(t, { LOG_LEVEL: 'trace' })
  const json = { 'content-type': 'application/json' }
  const post = (path: string, headers: Record<string, string>, body: string) =>
    request(`${server.url}${path}`, { method: 'POST', headers, body })
  const answers = [
    await request(`${server.url}/health?access_token=${CANARY}`),
    await request(`${server.url}/orders?access_token=${CANARY}`),
    await request(`${server.url}/orders?access_token=${CANARY}`, { headers: { authorization: `Bearer ${CANARY}` } }),
    await request(`${server.url}/orders;access_token=${CANARY}`),
    await request(`${server.url}/nowhere?access_token=${CANARY}`),
    await request(`${server.url}/%zz?access_token=${CANARY}`),
    await post(`/oauth/token?client_secret=${CANARY}`, json, JSON.stringify({ client_secret: CANARY })),
    await post('/login', json, `{"username":"alice","password":"${CANARY}`),
    await post('/login', json, JSON.stringify({ username: 'alice', password: [CANARY, CANARY] })),
    await post('/login', json, JSON.stringify({ username: 'alice', password: CANARY })),
    await post('/login', { 'content-type': CANARY }, CANARY)
  ]
  t.strictSame(
    answers.map(({ statusCode }) => statusCode),
    [200, 401, 401, 404, 404, 400, 400, 400, 400, 401, 415]
  )
  for (const { body } of answers) t.notMatch(await body.text(), CANARY)
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.end(`GET /?access_token=${CANARY} HTTP/1.1\r\nnot a header ${CANARY}\r\n\r\n`)
  t.match(await text(socket), /^HTTP\/1\.1 400 /)

  const { output } = await server.stop()
  t.match(output, /"url":"\/orders"/, 'the path is logged')
  t.notMatch(output, CANARY)
  const asBytes = [...Buffer.from(CANARY)].join(',')
  t.notMatch(output, asBytes, 'nor as the bytes of a packet that could not be parsed')
})
