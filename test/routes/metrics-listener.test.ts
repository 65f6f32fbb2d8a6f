import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { fetch } from 'undici'
import oauthTelemetry, { type MetricsOptions } from '../../lib/index.ts'
import { parseMetrics } from '../support/metrics.ts'
import { OPTIONS } from '../support/server.ts'

/** A server whose metrics have a listener of their own; `address` is what it says in its log. */
async function serverWithListener(t: Test, metrics: MetricsOptions) {
  const lines: { metrics?: AddressInfo; msg: string }[] = []
  const fastify = Fastify({ logger: { stream: { write: (line) => lines.push(JSON.parse(line)) } } })
  t.teardown(() => fastify.close())
  await fastify.register(oauthTelemetry, { ...OPTIONS, metrics })
  return {
    fastify,
    async open() {
      await fastify.ready()
      const address = lines.find(({ msg }) => msg === 'metrics are served on a listener of their own')?.metrics
      if (address === undefined) throw new Error('the log does not say where the metrics are')
      return { ...address, url: `http://127.0.0.1:${address.port}` }
    }
  }
}

t.test('A13: metrics with a listener of their own are there, on loopback, and not on the public one', async (t) => {
  const { fastify, open } = await serverWithListener(t, { port: 0 })
  const { address, url } = await open()
  t.equal(address, '127.0.0.1')
  t.equal((await fastify.inject('/metrics')).statusCode, 404)

  const response = await fetch(`${url}/metrics`)
  t.equal(response.status, 200)
  t.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  t.ok(parseMetrics(await response.text()).has('oauth2_telemetry_dropped_total'))
  t.equal((await fetch(`${url}/metrics?name=x`)).status, 200)
  t.equal((await fetch(`${url}/`)).status, 404)
  t.equal((await fetch(`${url}/oauth/jwks`)).status, 404)
  t.equal((await fetch(`${url}/metrics`, { method: 'POST' })).status, 404)
})

t.test('it has its own path and host, and answers 503 when collecting fails', async (t) => {
  const collect = async (): Promise<never> => {
    throw new Error('canary')
  }
  const { open } = await serverWithListener(t, { port: 0, host: '0.0.0.0', path: '/m', exporter: { collect } })
  const { address, port } = await open()
  t.equal(address, '0.0.0.0')
  const response = await fetch(`http://127.0.0.1:${port}/m`)
  t.equal(response.status, 503)
  t.equal(await response.text(), '')
})

t.test('it opens when the server is ready and closes with it, connections included', async (t) => {
  const { fastify, open } = await serverWithListener(t, { port: 0 })
  const { url } = await open()
  t.equal((await fetch(`${url}/metrics`)).status, 200, 'this leaves a connection open')
  await fastify.close()
  await t.rejects(fetch(`${url}/metrics`))
})

t.test('a port that is taken is an error at the start, not later', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const { fastify } = await serverWithListener(t, { port: (other.address() as AddressInfo).port })
  await t.rejects(async () => void (await fastify.ready()), { code: 'EADDRINUSE' })
})
