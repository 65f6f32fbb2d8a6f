import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const scripts = fileURLToPath(new URL('load/', import.meta.url))
const run = promisify(execFile)

export interface Load {
  script: 'again' | 'once' | 'form' | 'refresh'
  url: string
  args: string[]
}

export interface Answered {
  requests: number
  /** Requests per second. */
  rate: number
}

/** Anything but success is an error, because a refusal is cheaper than an answer. */
export async function wrk({ script, url, args }: Load, seconds: number, connections: number): Promise<Answered> {
  const { stdout } = await run(
    'wrk',
    ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', `${scripts}${script}.lua`, url, '--', ...args],
    { env: { ...process.env, LUA_PATH: `${scripts}?.lua;;` } }
  )
  const report = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
  if (report.refused + report.broken > 0 || report.requests === 0) {
    throw new Error(`${url} did not answer every request with success: ${JSON.stringify(report)}`)
  }
  return { requests: report.requests, rate: (report.requests / report.microseconds) * 1e6 }
}
