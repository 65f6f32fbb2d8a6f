import type { FastifyBaseLogger } from 'fastify'
import { type MetricsText, PROMETHEUS_CONTENT_TYPE } from '../telemetry/prometheus.ts'

/** What a scrape is answered with. */
export interface Scrape {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Bytes, so that all who share them do. */
  readonly body: Buffer
}

/** Half of what Prometheus waits by default: who waits for a collection that hangs is answered before it gives up. */
const TIMEOUT_MS = 5_000

/** The work, or an error when it takes longer than a scrape may. */
async function inTime<T>(work: Promise<T>): Promise<T> {
  const { promise: timeout, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error('collecting the metrics took too long')), TIMEOUT_MS)
  try {
    return await Promise.race([work, timeout])
  } finally {
    clearTimeout(timer)
  }
}

const answerOf = (text: string): Scrape => ({
  status: 200,
  headers: { 'content-type': PROMETHEUS_CONTENT_TYPE },
  body: Buffer.from(text)
})

const FAILED: Scrape = {
  status: 503,
  headers: { 'content-type': 'text/plain; charset=utf-8', 'retry-after': '5' },
  body: Buffer.alloc(0)
}

/**
 * Answers scrapes: one collection at a time, and whoever comes meanwhile shares the next one. Many scrapes cost the store
 * and the event loop no more than two, and each tells all that happened before it came. Where one fails or hangs it says
 * so, rather than that there are no metrics; what hangs is given up, so that the next may be better.
 */
export function scrapes(text: MetricsText, log: FastifyBaseLogger): () => Promise<Scrape> {
  let running: Promise<Scrape> | undefined
  let next: Promise<Scrape> | undefined

  async function collect(): Promise<Scrape> {
    return answerOf(await inTime(text()))
  }

  function begin(): Promise<Scrape> {
    const current = collect().finally(() => {
      running = undefined
    })
    running = current
    return current
  }

  function share(): Promise<Scrape> {
    if (running === undefined) return begin()
    const again = () => {
      next = undefined
      return running ?? begin()
    }
    next ??= running.then(again, again)
    return next
  }

  return async () => {
    try {
      return await inTime(share())
    } catch (error) {
      log.error({ err: error }, 'the metrics could not be collected')
      return FAILED
    }
  }
}
