import type { Flags } from '../flags.ts'
import { median } from '../median.ts'
import { startServer } from '../server.ts'
import type { BeforeAndAfter } from '../servers/channel.ts'
import type { Line } from '../table.ts'

const few = 10_000
const clients = 1000
const scrapes = 20

/** What millions of live tokens in one file cost, in a process that measures itself. */
export async function sqliteGrowing({ tokens }: Flags): Promise<Line[]> {
  const server = await startServer('ours-sqlite-growing.ts', { tokens, few, clients })
  const { issue, refresh, find, introspect, startUp, bytesPerToken } = server.database ?? missing()
  const url = `http://127.0.0.1:${server.port}`
  await scraped(url)
  const scraping: number[] = []
  const waiting: number[] = []
  for (let scrape = 0; scrape < scrapes; scrape++) {
    let isOver = false
    const scrapeTime = timed(() => scraped(url)).finally(() => {
      isOver = true
    })
    const others: number[] = []
    do others.push(await timed(() => answered(`${url}/ping`)))
    while (!isOver)
    scraping.push(await scrapeTime)
    waiting.push(Math.max(...others))
  }
  await server.stop()
  const alone = { ours: '', against: '', theirs: '', unit: 'ms', better: 'less' } as const
  return [
    growth('issue', tokens, issue),
    growth('refresh', tokens, refresh),
    growth('find', tokens, find),
    growth('introspect', tokens, introspect),
    {
      ...alone,
      what: `scrape, ${tokens} live tokens, ${clients} clients`,
      result: median(scraping),
      floor: 100,
      aim: 20
    },
    { ...alone, what: 'slowest other request during a scrape', result: median(waiting) },
    { ...alone, what: `start-up to the first token, ${tokens} live tokens`, result: startUp * 1000, floor: 1000 },
    { ...alone, what: 'file, per live token', result: bytesPerToken, unit: 'B' }
  ]
}

function growth(verb: string, tokens: number, rounds: BeforeAndAfter[]): Line {
  return {
    what: `time to ${verb}, ${tokens} live tokens`,
    ours: microseconds(median(rounds.map(({ after }) => after))),
    against: `ours, ${few} live tokens`,
    theirs: microseconds(median(rounds.map(({ before }) => before))),
    result: median(rounds.map(({ before, after }) => after / before)),
    unit: 'x',
    better: 'less',
    floor: 1.5,
    aim: 1.2
  }
}

async function scraped(url: string): Promise<void> {
  const text = await answered(`${url}/metrics`)
  const series = text.match(/^oauth2_token_active\{/gm)?.length ?? 0
  if (series < 2 * clients) throw new Error(`/metrics has the live tokens of ${series / 2} clients`)
}

async function answered(url: string): Promise<string> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  return response.text()
}

/** Milliseconds. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await work()
  return performance.now() - begun
}

function microseconds(seconds: number): string {
  return `${(seconds * 1e6).toFixed(1)} us`
}

function missing(): never {
  throw new TypeError('the server did not measure its growth')
}
