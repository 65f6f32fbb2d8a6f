import type { Flags } from './flags.ts'
import { median } from './median.ts'
import { type Server, startServer } from './server.ts'
import type { Line } from './table.ts'
import { type Load, wrk } from './wrk.ts'

export interface Contestant {
  name: string
  /** A file of `servers/`. */
  server: string
  settings: object
  load: (server: Server, part: 'warm-up' | 'measurement') => Load
  /** Proves that telemetry was on, or that the parent's "do not sample" was honoured. */
  spans?: 'every request' | 'none'
}

export interface Ratio {
  what: string
  of: string
  to: string
  floor?: number
  aim?: number
}

/** Rounds are interleaved and each starts a fresh server, so that neither drift nor one lucky process decides. */
export async function race(flags: Flags, contestants: Contestant[], ratios: Ratio[]): Promise<Line[]> {
  const rates = new Map<string, number[]>(contestants.map(({ name }) => [name, []]))
  for (let round = 1; round <= flags.rounds; round++) {
    for (const contestant of contestants) {
      const { rate, cpuSeconds } = await measure(flags, contestant)
      rates.get(contestant.name)?.push(rate)
      const cpu = `${(cpuSeconds * 1e6).toFixed(1)} us of CPU each`
      console.error(`round ${round}: ${contestant.name} ${Math.round(rate)}/s, ${cpu}`)
    }
  }
  return ratios.map(({ what, of, to, floor, aim }) => {
    const ours = rates.get(of) ?? []
    const theirs = rates.get(to) ?? []
    return {
      what,
      ours: `${Math.round(median(ours))}/s`,
      against: to,
      theirs: `${Math.round(median(theirs))}/s`,
      result: median(ours.map((rate, round) => rate / (theirs[round] ?? Number.NaN))),
      unit: 'x',
      better: 'more',
      floor,
      aim
    }
  })
}

interface Measured {
  /** Requests per second. */
  rate: number
  /** Of the server, per request, warm-up included. Unlike the rate it hardly depends on what else the machine does. */
  cpuSeconds: number
}

async function measure(flags: Flags, { name, server, settings, load, spans }: Contestant): Promise<Measured> {
  const running = await startServer(server, settings)
  const warmUp = await wrk(load(running, 'warm-up'), flags.warmup, flags.connections)
  const measurement = await wrk(load(running, 'measurement'), flags.seconds, flags.connections)
  const { spansExported, cpuSeconds } = await running.stop()
  const requests = warmUp.requests + measurement.requests
  if (spans === 'none' && spansExported > 0) throw new Error(`${name}: ${spansExported} spans of unsampled parents`)
  if (spans === 'every request' && spansExported < 0.99 * requests) {
    throw new Error(`${name}: ${spansExported} spans for ${requests} requests`)
  }
  return { rate: measurement.rate, cpuSeconds: cpuSeconds / requests }
}
