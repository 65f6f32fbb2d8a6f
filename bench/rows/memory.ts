import { median } from '../median.ts'
import { startServer } from '../server.ts'
import type { Line } from '../table.ts'

const tokens = 1_000_000
const clients = 1000
const scrapes = 20

/** What a million live tokens cost, in a process that measures itself. */
export async function memory(): Promise<Line[]> {
  const server = await startServer('ours-growing.ts', { tokens, clients }, ['--expose-gc'])
  const { bytesPerToken, issueBefore, issueAfter } = server.growth ?? missing()
  const milliseconds: number[] = []
  for (let scrape = 0; scrape < scrapes; scrape++) milliseconds.push(await scrapeTime(server.port))
  await server.stop()
  const alone = { against: '', theirs: '' }
  return [
    {
      ...alone,
      what: `memory per live token (RSS), of ${tokens}`,
      ours: '',
      result: bytesPerToken,
      unit: 'B',
      better: 'less',
      floor: 600,
      aim: 400
    },
    {
      what: `time to issue, ${tokens} live tokens`,
      ours: microseconds(issueAfter),
      against: 'ours, 1000 live tokens',
      theirs: microseconds(issueBefore),
      result: issueAfter / issueBefore,
      unit: 'x',
      better: 'less',
      floor: 1.3
    },
    {
      ...alone,
      what: `scrape of /metrics, ${clients} clients`,
      ours: '',
      result: median(milliseconds),
      unit: 'ms',
      better: 'less',
      floor: 50
    }
  ]
}

async function scrapeTime(port: number): Promise<number> {
  const started = performance.now()
  const response = await fetch(`http://127.0.0.1:${port}/metrics`)
  const text = await response.text()
  const elapsed = performance.now() - started
  const series = text.match(/^oauth2_token_issued_total\{/gm)?.length ?? 0
  if (!response.ok || series < clients) throw new Error(`/metrics answered ${response.status} with ${series} clients`)
  return elapsed
}

function microseconds(seconds: number): string {
  return `${(seconds * 1e6).toFixed(1)} us`
}

function missing(): never {
  throw new TypeError('the server did not measure its growth')
}
