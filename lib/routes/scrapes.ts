import type { FastifyBaseLogger } from 'fastify'
import { type MetricsText, PROMETHEUS_CONTENT_TYPE } from '../telemetry/prometheus.ts'

/** What a scrape is answered with. */
export interface Scrape {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Bytes, so that all who share them do. */
  readonly body: Buffer
}

/** Half of what Prometheus waits by default: a collection that hangs is answered before it gives up. */
const COLLECT_TIMEOUT_MS = 5_000

/** @throws Error when it takes longer than a scrape may */
async function inTime<T>(work: Promise<T>): Promise<T> {
  const { promise: timeout, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error('collecting the metrics took too long')), COLLECT_TIMEOUT_MS)
  try {
    return await Promise.race([work, timeout])
  } finally {
    clearTimeout(timer)
  }
}

/** Collects the metrics; when that fails it says so, rather than that there are none. */
async function scrape(text: MetricsText, log: FastifyBaseLogger): Promise<Scrape> {
  try {
    const body = Buffer.from(await inTime(text()))
    return { status: 200, headers: { 'content-type': PROMETHEUS_CONTENT_TYPE }, body }
  } catch (error) {
    log.error({ err: error }, 'the metrics could not be collected')
    const headers = { 'content-type': 'text/plain; charset=utf-8', 'retry-after': '5' }
    return { status: 503, headers, body: Buffer.alloc(0) }
  }
}

/**
 * Answers scrapes: one collection at a time, and whoever comes meanwhile shares the next one. Many scrapes cost the store
 * and the event loop no more than two, and each tells all that happened before it came.
 */
export function scrapes(text: MetricsText, log: FastifyBaseLogger): () => Promise<Scrape> {
  let running: Promise<Scrape> | undefined
  let next: Promise<Scrape> | undefined

  function begin(): Promise<Scrape> {
    const current = scrape(text, log).finally(() => {
      running = undefined
    })
    running = current
    return current
  }

  return () => {
    if (running === undefined) return begin()
    next ??= running.then(() => {
      next = undefined
      return running ?? begin()
    })
    return next
  }
}
