import type { Server } from 'node:http'

/** What a server tells the bench once it listens. */
export interface Ready {
  port: number
  /** Live tokens that the load starts from, where the row needs some. */
  tokens?: string[]
  growth?: Growth
  database?: DatabaseGrowth
}

/** What a server observes of itself while its store grows. */
export interface Growth {
  bytesPerToken: number
  /** Mean seconds of one issue with a small store, and with the grown one. */
  issueBefore: number
  issueAfter: number
}

/** What a server observes of itself with a small database file, and with the grown one; of each round. */
export interface DatabaseGrowth {
  /** Mean seconds, 32 at a time. */
  issue: BeforeAndAfter[]
  refresh: BeforeAndAfter[]
  find: BeforeAndAfter[]
  /** What a look-up costs where there is a request about it. */
  introspect: BeforeAndAfter[]
  /** Seconds from opening the grown file to the first token. */
  startUp: number
  bytesPerToken: number
}

export interface BeforeAndAfter {
  before: number
  after: number
}

/** What it tells at its end. */
export interface Stopped {
  spansExported: number
  /** Spent by all its threads since it listened. */
  cpuSeconds: number
}

export function settings<T>(): T {
  return JSON.parse(process.argv[2] ?? '{}')
}

/** Announces a listening server; `stopTelemetry` is called at its end, for the number of spans. */
export function announce(
  server: Server,
  facts: Omit<Ready, 'port'> = {},
  stopTelemetry = async (): Promise<number> => 0
): void {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('not listening on TCP')
  process.once('disconnect', () => process.exit())
  const start = process.cpuUsage()
  process.once('message', async () => {
    const { user, system } = process.cpuUsage(start)
    const stopped: Stopped = { spansExported: await stopTelemetry(), cpuSeconds: (user + system) / 1e6 }
    process.send?.(stopped, () => process.exit())
  })
  process.send?.({ port: address.port, ...facts } satisfies Ready)
}
