import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { fetch } from 'undici'
import { findProgram, freePort, reportMissing } from '../support/programs.ts'
import { basic, buildServer, callOrders, postForm, refresh } from '../support/server.ts'

/** Everything that makes a metric: success, refusal, reuse, introspection. */
async function live(fastify: FastifyInstance): Promise<void> {
  const { access_token, refresh_token = '' } = await fastify.oauth.issue({
    clientId: 'web',
    subject: 'alice',
    refreshable: true
  })
  await callOrders(fastify, access_token)
  await callOrders(fastify, 'not-a-token')
  await refresh(fastify, refresh_token)
  await refresh(fastify, refresh_token)
  const asGateway = { authorization: basic('gateway', 'gateway-secret') }
  await postForm(fastify, '/oauth/introspect', { token: access_token }, asGateway)
}

const DEBIAN_PACKAGE = 'prometheus'

t.test('promtool finds nothing to say about a scrape', async (t) => {
  const fastify = await buildServer(t)
  await live(fastify)
  const { body } = await fastify.inject('/metrics')
  const program = await findProgram('promtool', [])
  if (program === undefined) return reportMissing(t, 'promtool', DEBIAN_PACKAGE)
  const promtool = spawn(program, ['check', 'metrics'])
  promtool.stdin.end(body)
  const [[code], ...said] = await Promise.all([once(promtool, 'close'), text(promtool.stdout), text(promtool.stderr)])
  t.strictSame(said, ['', ''])
  t.equal(code, 0)
})

/** A Prometheus of its own, in a folder of its own, that scrapes `target` every second; gives its URL. */
async function startPrometheus(t: Test, program: string, target: string): Promise<{ url: string; said: () => string }> {
  const folder = await mkdtemp(join(tmpdir(), 'prometheus-'))
  const config = join(folder, 'prometheus.yml')
  await writeFile(
    config,
    JSON.stringify({
      global: { scrape_interval: '1s', scrape_timeout: '1s' },
      scrape_configs: [{ job_name: 'oauth', static_configs: [{ targets: [target] }] }]
    })
  )
  const port = await freePort()
  const prometheus = spawn(program, [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`
  ])
  let said = ''
  prometheus.stderr.on('data', (chunk) => {
    said += chunk
  })
  prometheus.stdout.resume()
  t.teardown(async () => {
    const closed = once(prometheus, 'close')
    if (prometheus.exitCode === null && prometheus.kill('SIGTERM')) await closed
    await rm(folder, { recursive: true, force: true })
  })
  return { url: `http://127.0.0.1:${port}`, said: () => said }
}

/** The value of an instant query as soon as there is one, within half a minute. */
async function query(url: string, expression: string): Promise<string | undefined> {
  const deadline = Date.now() + 30_000
  while (Date.now() < deadline) {
    const answer = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query: expression })}`).catch(
      () => undefined
    )
    if (answer?.status === 200) {
      const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } }
      const [sample] = data.result
      if (sample !== undefined) return sample.value[1]
    }
    await sleep(250)
  }
  return undefined
}

t.test('a real Prometheus scrapes a real server: up is 1, and it has the numbers', async (t) => {
  const program = await findProgram('prometheus', [])
  if (program === undefined) return reportMissing(t, 'prometheus', DEBIAN_PACKAGE)
  const fastify = await buildServer(t)
  await live(fastify)
  const address = new URL(await fastify.listen({ port: 0, host: '127.0.0.1' }))
  const { url, said } = await startPrometheus(t, program, address.host)
  t.equal(await query(url, 'up{job="oauth"} == 1'), '1', 'up')
  const values: Record<string, string> = {
    'sum(oauth2_token_issued_total{oauth2_client_id="web"})': '2',
    'oauth2_token_refreshed_total{oauth2_client_id="web"}': '1',
    'oauth2_token_reuse_detected_total{oauth2_client_id="web",oauth2_reuse_outcome="theft"}': '1',
    'oauth2_token_revoked_total{oauth2_client_id="web",oauth2_revocation_reason="security_incident"}': '3',
    'oauth2_token_age_at_refresh_bucket{oauth2_client_id="web",le="60"}': '1',
    'oauth2_token_active{oauth2_client_id="web",oauth2_token_type="refresh"}': '0'
  }
  for (const [expression, value] of Object.entries(values)) t.equal(await query(url, expression), value, expression)
  const { data } = (await (await fetch(`${url}/api/v1/targets`)).json()) as {
    data: { activeTargets: { lastError: string }[] }
  }
  t.strictSame(
    data.activeTargets.map(({ lastError }) => lastError),
    ['']
  )
  t.notMatch(said(), /level=(warn|error)/)
})
