import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { Pool } from 'undici'
import type { OAuthTelemetryOptions } from '../../../lib/index.ts'
import { parseMetrics, type Samples } from '../metrics.ts'
import type { StoreSpec } from '../open-store.ts'

const FIXTURE = fileURLToPath(new URL('../../fixtures/replica-process.ts', import.meta.url))

/** How long one waits for an answer at most: longer than any server under test may take. */
const PATIENCE_MS = 60_000

export interface Answer {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly body: string
}

/** A server with the plugin, in a process of its own or beside others in one. */
export interface Replica {
  /** Posts a form as the public client `web`. Rejects when the server is killed meanwhile. */
  postForm(path: string, form: Readonly<Record<string, string>>): Promise<Answer>
  /** Posts JSON to the routes of the application. */
  postJson(path: string, body: object): Promise<Answer>
  callOrders(accessToken: string): Promise<Answer>
  scrape(): Promise<Samples>
  /** Kills its process (SIGKILL), and resolves when that has ended. */
  kill(): Promise<void>
  isAlive(): boolean
}

type Options = Partial<OAuthTelemetryOptions>

/** Starts a replica in a process of its own, killed with the test; resolves when it listens. */
export async function startReplica(t: Test, store: StoreSpec, options: Options = {}): Promise<Replica> {
  const [replica] = await startReplicas(t, [{ store, options }])
  if (replica === undefined) throw new Error('there is no replica')
  return replica
}

/** Starts several replicas in one process, of different stores or different options. */
export async function startReplicas(
  t: Test,
  specs: readonly { readonly store: StoreSpec; readonly options: Options }[]
): Promise<Replica[]> {
  const child = fork(FIXTURE, [JSON.stringify(specs)], { execArgv: [], env: {} })
  t.teardown(() => kill(child))
  const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`a replica ended with ${code}`)))
  const [{ urls }] = (await Promise.race([once(child, 'message'), ended])) as [{ urls: string[] }]
  ended.catch(() => {})
  return urls.map((url) => replicaAt(t, child, url))
}

function replicaAt(t: Test, child: ChildProcess, url: string): Replica {
  const pool = new Pool(url, { connections: 64, headersTimeout: PATIENCE_MS, bodyTimeout: PATIENCE_MS })
  t.teardown(() => pool.destroy())
  const ask = async (method: 'GET' | 'POST', path: string, headers: Record<string, string>, body: string | null) => {
    const answer = await pool.request({ method, path, headers, body })
    const { 'retry-after': retryAfter } = answer.headers
    return { status: answer.statusCode, retryAfter: retryAfter?.toString(), body: await answer.body.text() }
  }
  return {
    postForm(path, form) {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      return ask('POST', path, headers, new URLSearchParams({ client_id: 'web', ...form }).toString())
    },
    postJson: (path, body) => ask('POST', path, { 'content-type': 'application/json' }, JSON.stringify(body)),
    callOrders: (accessToken) => ask('GET', '/orders', { authorization: `Bearer ${accessToken}` }, null),
    async scrape() {
      const { status, body } = await ask('GET', '/metrics', {}, null)
      if (status !== 200) throw new Error(`scrape answered ${status}`)
      return parseMetrics(body)
    },
    async kill() {
      await kill(child)
      await pool.destroy()
    },
    isAlive: () => hasEnded(child) === false
  }
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null

async function kill(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}
