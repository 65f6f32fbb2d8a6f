import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Test } from 'tap'
import type { Postgres } from './postgres.ts'
import { findProgram, freePort, reportMissing, unprivilegedUser } from './programs.ts'

/** Fewer than a pool of ours has, so that connections are handed around. */
const SERVER_CONNECTIONS = 3

const START_MS = 60_000

/**
 * Starts a PgBouncer in transaction mode in front of a server, and gives a pool that connects to it; `undefined`,
 * having reported it, when PgBouncer is not installed.
 */
export async function startPgBouncer(t: Test, postgres: Postgres): Promise<pg.Pool | undefined> {
  const program = await findProgram('pgbouncer', ['/usr/sbin'])
  if (program === undefined) {
    reportMissing(t, 'PgBouncer', 'pgbouncer')
    return undefined
  }
  const { host, user, password, database } = postgres
  const owner = await unprivilegedUser()
  const folder = await mkdtemp(join(tmpdir(), 'pgbouncer-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  if (owner.uid !== undefined && owner.gid !== undefined) await chown(folder, owner.uid, owner.gid)
  const [config, users] = [join(folder, 'pgbouncer.ini'), join(folder, 'users.txt')]
  await writeFile(users, `"${user}" "${password}"\n`)
  const port = await freePort()
  const settings = {
    listen_addr: host,
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: users,
    pool_mode: 'transaction',
    default_pool_size: SERVER_CONNECTIONS
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`)
  await writeFile(
    config,
    `[databases]\n${database} = host=${host} port=${postgres.port}\n[pgbouncer]\n${lines.join('\n')}\n`
  )

  let said = ''
  const child: ChildProcess = spawn(program, [config], { ...owner, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      said += chunk
    })
  }
  t.teardown(async () => {
    const closed = once(child, 'close')
    if (child.exitCode === null && child.kill('SIGKILL')) await closed
  })
  const pool = new pg.Pool({ host, port, user, password, database })
  t.teardown(() => pool.end())
  const deadline = Date.now() + START_MS
  while (!/process up/.test(said)) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`PgBouncer does not start: ${said}`)
    await sleep(25)
  }
  return pool
}
