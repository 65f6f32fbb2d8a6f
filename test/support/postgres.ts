import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Test } from 'tap'
import { findProgram, freePort, killIfThere, reportMissing, unprivilegedUser } from './programs.ts'

/** Where Debian keeps the server's programs: outside of the PATH. */
const DEBIAN_FOLDER = '/usr/lib/postgresql'

const PASSWORD = 'the-password-of-a-test'
const START_MS = 60_000

/** What a server says when another one holds its port or what is left of its memory. */
const HELD = /already in use|still in use|could not bind|lock file .* already exists/

export interface PostgresOptions {
  /** Settings of `postgresql.conf`, beside those of a test: `fsync` is off, since only processes are killed here. */
  readonly settings?: Readonly<Record<string, string>>
}

/** A PostgreSQL of its own, in a folder of its own, on a port of its own of the loopback address. */
export interface Postgres {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
  /** All of these as a connection string. */
  readonly url: string
  /** A pool with errors of idle clients ignored, ended with the test. */
  createPool(config?: pg.PoolConfig): pg.Pool
  /** Kills all its processes at once (SIGKILL), as the kernel does when memory is short. */
  kill(): Promise<void>
  /** Brings it back on the same port, with the same data; resolves when it accepts connections. */
  start(): Promise<void>
}

export async function debianFolders(): Promise<string[]> {
  const versions = await readdir(DEBIAN_FOLDER).catch(() => [])
  return versions.sort((a, b) => Number(b) - Number(a)).map((version) => join(DEBIAN_FOLDER, version, 'bin'))
}

/** Starts a server; `undefined`, having reported it, when PostgreSQL is not installed. */
export async function startPostgres(t: Test, { settings = {} }: PostgresOptions = {}): Promise<Postgres | undefined> {
  const folders = await debianFolders()
  const [initdb, postgres] = await Promise.all(['initdb', 'postgres'].map((name) => findProgram(name, folders)))
  if (initdb === undefined || postgres === undefined) {
    reportMissing(t, 'PostgreSQL', 'postgresql')
    return undefined
  }
  const owner = await unprivilegedUser()
  const folder = await mkdtemp(join(tmpdir(), 'postgres-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  if (owner.uid !== undefined && owner.gid !== undefined) await chown(folder, owner.uid, owner.gid)
  const [data, passwordFile] = [join(folder, 'data'), join(folder, 'password')]
  await writeFile(passwordFile, PASSWORD, { mode: 0o644 })

  let said = ''
  const run = (program: string, args: readonly string[]): ChildProcess => {
    const child = spawn(program, args, { ...owner, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (said += chunk))
    return child
  }
  const access = ['--auth-host=scram-sha-256', '--username=postgres', `--pwfile=${passwordFile}`]
  const init = run(initdb, [`--pgdata=${data}`, '--no-sync', '--no-locale', '--encoding=UTF8', ...access])
  const [code] = await once(init, 'close')
  if (code !== 0) throw new Error(`initdb failed: ${said}`)

  const port = await freePort()
  const all = { fsync: 'off', listen_addresses: '127.0.0.1', unix_socket_directories: '', ...settings }
  const args = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  let server: ChildProcess | undefined
  const hasEnded = () => server === undefined || server.exitCode !== null || server.signalCode !== null

  /** Resolves to whether it serves; otherwise it has ended. */
  const isReady = async (deadline: number): Promise<boolean> => {
    while (!/ready to accept connections/.test(said)) {
      if (hasEnded()) return false
      if (Date.now() > deadline) throw new Error(`PostgreSQL does not start: ${said}`)
      await sleep(25)
    }
    return true
  }
  const start = async () => {
    const deadline = Date.now() + START_MS
    for (;;) {
      said = ''
      server = run(postgres, ['-D', data, '-p', String(port), ...args])
      if (await isReady(deadline)) return
      if (!HELD.test(said) || Date.now() > deadline) throw new Error(`PostgreSQL does not start: ${said}`)
      await sleep(100)
    }
  }
  /** Ends it, by SIGQUIT at once and without a checkpoint; its other processes end with the first. */
  const end = async (signal: NodeJS.Signals, others: readonly number[]) => {
    if (server === undefined || hasEnded()) return
    const closed = once(server, 'close')
    server.kill(signal)
    for (const pid of others) killIfThere(pid)
    await closed
  }
  t.teardown(() => end('SIGQUIT', []))
  await start()

  const address = { host: '127.0.0.1', port, user: 'postgres', password: PASSWORD, database: 'postgres' }
  const createPool = (config: pg.PoolConfig = {}) => {
    const pool = new pg.Pool({ ...address, ...config })
    pool.on('error', () => {})
    t.teardown(() => (pool.ended || pool.ending ? undefined : pool.end()))
    return pool
  }
  return {
    ...address,
    url: `postgres://postgres:${PASSWORD}@127.0.0.1:${port}/postgres`,
    createPool,
    start,
    async kill() {
      const client = new pg.Client(address)
      client.on('error', () => {})
      await client.connect()
      const { rows } = await client.query<{ pid: number }>('select pid from pg_stat_activity')
      await end(
        'SIGKILL',
        rows.map(({ pid }) => pid)
      )
    }
  }
}
