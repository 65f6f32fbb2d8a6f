import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from 'redis'
import type { Test } from 'tap'
import { findProgram, freePort, reportMissing } from './programs.ts'

/** The server to test with; `valkey-server` takes the same arguments and says the same words. */
export const REDIS_SERVER = process.env.REDIS_SERVER ?? 'redis-server'
const START_MS = 60_000
const SLOTS = 16_384
const NODES = 3

export interface RedisOptions {
  /** Settings of `redis.conf`, beside those of a test: nothing is written to the disk. */
  readonly settings?: Readonly<Record<string, string>>
}

/** A Redis of its own, in a folder of its own, on a port of its own of the loopback address. */
export interface RedisServer {
  readonly host: string
  readonly port: number
  readonly url: string
  /** Sends a signal: SIGSTOP lets it hang, SIGCONT go on. */
  signal(signal: NodeJS.Signals): void
  /** Kills it (SIGKILL), and resolves when it has ended. */
  kill(): Promise<void>
  /** Brings it back on the same port, with the same folder; resolves when it accepts connections. */
  start(): Promise<void>
}

/** Three masters that share the slots. */
export interface RedisCluster {
  readonly nodes: readonly RedisServer[]
}

/** Starts a server; `undefined`, having reported it, when Redis is not installed. */
export async function startRedis(t: Test, { settings = {} }: RedisOptions = {}): Promise<RedisServer | undefined> {
  const program = await findProgram(REDIS_SERVER, [])
  if (program === undefined) {
    reportMissing(t, REDIS_SERVER, 'redis-server')
    return undefined
  }
  const folder = await mkdtemp(join(tmpdir(), 'redis-'))
  const port = await freePort()
  const host = '127.0.0.1'
  const all = { bind: host, port: String(port), dir: folder, save: '', appendonly: 'no', ...settings }
  const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value])
  let server: ChildProcess | undefined
  const hasEnded = () => server === undefined || server.exitCode !== null || server.signalCode !== null

  const start = async () => {
    const deadline = Date.now() + START_MS
    let said = ''
    while (!/Ready to accept connections/.test(said)) {
      if (Date.now() > deadline) throw new Error(`${REDIS_SERVER} does not start: ${said}`)
      if (hasEnded()) {
        if (said !== '' && !/already in use/i.test(said)) throw new Error(`${REDIS_SERVER} does not start: ${said}`)
        said = ''
        server = spawn(program, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
        for (const stream of [server.stdout, server.stderr]) stream?.on('data', (chunk) => (said += chunk))
      }
      await sleep(10)
    }
  }
  const kill = async () => {
    if (server === undefined || hasEnded()) return
    const closed = once(server, 'close')
    server.kill('SIGKILL')
    await closed
  }
  t.teardown(async () => {
    await kill()
    await rm(folder, { recursive: true, force: true })
  })
  await start()
  return {
    host,
    port,
    url: `redis://${host}:${port}`,
    start,
    kill,
    signal: (signal) => void server?.kill(signal)
  }
}

/** Sends one command to one node, outside of any cluster client. */
async function command(node: RedisServer, args: readonly string[]): Promise<string> {
  const client = createClient({ url: node.url })
  client.on('error', () => {})
  await client.connect()
  try {
    return String(await client.sendCommand([...args]))
  } finally {
    client.destroy()
  }
}

/** Starts a cluster of three masters; `undefined`, having reported it, when Redis is not installed. */
export async function startRedisCluster(
  t: Test,
  { settings = {} }: RedisOptions = {}
): Promise<RedisCluster | undefined> {
  const nodes: RedisServer[] = []
  const buses: number[] = []
  for (let index = 0; index < NODES; index += 1) {
    const bus = await freePort()
    const ofCluster = { 'cluster-enabled': 'yes', 'cluster-port': String(bus), 'cluster-node-timeout': '5000' }
    const node = await startRedis(t, { settings: { ...ofCluster, ...settings } })
    if (node === undefined) return undefined
    nodes.push(node)
    buses.push(bus)
  }
  const [first, ...others] = nodes
  if (first === undefined) throw new Error('there is no node')
  for (const [index, node] of nodes.entries()) {
    const [from, until] = [index, index + 1].map((part) => Math.floor((part * SLOTS) / NODES))
    await command(node, ['CLUSTER', 'ADDSLOTSRANGE', String(from), String(Number(until) - 1)])
    await command(node, ['CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1)])
  }
  for (const node of others) {
    await command(node, ['CLUSTER', 'MEET', first.host, String(first.port), String(buses[0])])
  }
  await Promise.all(nodes.map(agreed))
  return { nodes }
}

/** Waits until a node knows all of the cluster. */
async function agreed(node: RedisServer): Promise<void> {
  const deadline = Date.now() + START_MS
  for (;;) {
    const info = await command(node, ['CLUSTER', 'INFO'])
    const signs = ['cluster_state:ok', `cluster_known_nodes:${NODES}`, `cluster_slots_assigned:${SLOTS}`]
    if (signs.every((sign) => info.includes(sign))) return
    if (Date.now() > deadline) throw new Error(`the cluster does not agree: ${info}`)
    await sleep(50)
  }
}
