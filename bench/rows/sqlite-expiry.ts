import { setTimeout as sleep } from 'node:timers/promises'
import type { Flags } from '../flags.ts'
import { basic, reports, scope } from '../scenario.ts'
import { startServer } from '../server.ts'
import type { Line } from '../table.ts'

const perMinute = 1_000_000
const clients = 1000
/** Requests a second, whether the ones before have been answered or not. */
const rate = 200
/** Until the server runs as fast as it will. */
const warmup = 5
const shortest = 40

/** What others notice while very many tokens expire, at a million a minute. */
export async function sqliteExpiry({ tokens }: Flags): Promise<Line[]> {
  const count = Math.ceil(tokens / 10)
  const expiring = (60 * count) / perMinute
  const measured = Math.max(expiring, shortest)
  const server = await startServer('ours-sqlite-expiring.ts', {
    tokens: count,
    clients,
    idle: warmup + measured,
    expiring
  })
  const url = `http://127.0.0.1:${server.port}`
  await latencies(url, warmup)
  const idle = await latencies(url, measured)
  const busy = await latencies(url, measured)
  const expired = await expiredAtLast(url, count)
  await server.stop()
  console.error(`${expired} of ${count} counted as expired`)
  const what = `${count} tokens expire in ${Math.round(expiring)} s`
  const [before, during] = [quantile(idle, 0.99), quantile(busy, 0.99)]
  return [
    {
      what: `p99 of requests while ${what}`,
      ours: `${during.toFixed(1)} ms`,
      against: 'ours, while none does',
      theirs: `${before.toFixed(1)} ms`,
      result: during / before,
      unit: 'x',
      better: 'less',
      floor: 2
    },
    {
      what: `slowest request while ${what}`,
      ours: '',
      against: 'ours, while none does',
      theirs: `${quantile(idle, 1).toFixed(1)} ms`,
      result: quantile(busy, 1),
      unit: 'ms',
      better: 'less'
    }
  ]
}

/** Milliseconds of each request, sorted. */
async function latencies(url: string, seconds: number): Promise<number[]> {
  const begun = performance.now()
  const answers: Promise<number>[] = []
  for (let sent = 0; sent < rate * seconds; sent++) {
    const due = begun + (sent * 1000) / rate
    await sleep(Math.max(0, due - performance.now()))
    answers.push(issued(url))
  }
  return (await Promise.all(answers)).sort((a, b) => a - b)
}

async function issued(url: string): Promise<number> {
  const sent = performance.now()
  const response = await fetch(`${url}/oauth/token`, {
    method: 'POST',
    headers: { authorization: basic(reports) },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope })
  })
  await response.arrayBuffer()
  if (!response.ok) throw new Error(`a request for a token was answered ${response.status}`)
  return performance.now() - sent
}

function quantile(sorted: number[], fraction: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN
}

/** How many have been counted as expired once nothing more is left to expire. */
async function expiredAtLast(url: string, expected: number): Promise<number> {
  for (let attempt = 0; ; attempt++) {
    const text = await (await fetch(`${url}/metrics`)).text()
    const values = [...text.matchAll(/^oauth2_token_expired_total\{[^}]*\} (\d+)/gm)].map(([, value]) => Number(value))
    const expired = values.reduce((sum, value) => sum + value, 0)
    if (expired === expected) return expired
    if (expired > expected || attempt === 60) throw new Error(`${expired} of ${expected} were counted as expired`)
    await sleep(1000)
  }
}
