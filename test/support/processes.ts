import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

const EXAMPLE_SERVER = fileURLToPath(new URL('../../example-server/server.ts', import.meta.url))

/** Variables of whoever runs the tests that would change what a server does. */
const OF_THE_SERVER = /^(OTEL_|OAUTH_|HOST$|PORT$|ISSUER$|AUDIENCE$|LOG_LEVEL$|NODE_ENV$)/

export type Environment = Readonly<Record<string, string>>

/** How a process ended, and all it wrote. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly output: string
}

/** A process, and what it has written so far. */
export interface ServerProcess {
  readonly child: ChildProcess
  /** Resolves when it writes a line that matches; rejects when it ends without. */
  line(matching: RegExp): Promise<RegExpExecArray>
  output(): string
  readonly ended: Promise<Ended>
}

/** How long a process may take to end when its test has ended. */
const END_MS = 10_000

/** Runs a script with this Node and a clean environment, ended with the test if it still runs. */
export function runProcess(t: Test, script: string, env: Environment = {}, cwd?: string): ServerProcess {
  const inherited = Object.entries(process.env).filter(([name]) => !OF_THE_SERVER.test(name))
  const child = spawn(process.execPath, [script], {
    cwd,
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const lines: string[] = []
  const watchers = new Set<(line: string) => void>()
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      for (const watcher of watchers) watcher(line)
    })
  }
  const output = () => lines.join('\n')
  const ended = once(child, 'close').then(([code, signal]): Ended => ({ code, signal, output: output() }))
  t.teardown(async () => {
    child.kill('SIGTERM')
    const kill = setTimeout(() => child.kill('SIGKILL'), END_MS)
    await ended
    clearTimeout(kill)
  })
  return {
    child,
    output,
    ended,
    line(matching) {
      return new Promise((resolve, reject) => {
        const watch = (line: string) => {
          const match = matching.exec(line)
          if (match !== null) resolve(match)
        }
        watchers.add(watch)
        for (const line of lines) watch(line)
        ended.then(() => reject(new Error(`it ended without a line like ${matching}:\n${output()}`)))
      })
    }
  }
}

/** A process that serves. */
export interface ListeningProcess extends ServerProcess {
  readonly url: string
  /** Stops it as a service manager does. */
  stop(signal?: NodeJS.Signals): Promise<Ended>
}

/** Starts the example server on a free port, without a file unless told otherwise, and waits until it is ready. */
export async function startExampleServer(t: Test, env: Environment = {}, cwd?: string): Promise<ListeningProcess> {
  const server = runProcess(t, EXAMPLE_SERVER, { PORT: '0', OAUTH_STORE: 'memory:', ...env }, cwd)
  const [, url = ''] = await server.line(/listening at (http:\/\/[^"\s]+)/)
  return {
    ...server,
    url,
    stop(signal = 'SIGTERM') {
      server.child.kill(signal)
      return server.ended
    }
  }
}

/** Starts the example server where it should not start. */
export function runExampleServer(t: Test, env: Environment): Promise<Ended> {
  return runProcess(t, EXAMPLE_SERVER, { PORT: '0', OAUTH_STORE: 'memory:', ...env }).ended
}
