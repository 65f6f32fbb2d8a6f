import type { FastifyInstance } from 'fastify'
import type { TokenServer } from './oauth/server.ts'
import type { MetricsText } from './telemetry/prometheus.ts'

/** So many looks are skipped while an earlier one goes on; then it is taken for lost. */
const SKIPPED_LOOKS = 3

/** A scrape waits so many milliseconds for expired tokens to be counted; the next one has those that take longer. */
const SCRAPE_WAIT = 1000

/** A server that closes waits so many milliseconds for the look that goes on: what it counts would be lost. */
const CLOSE_WAIT = 3000

/** Resolves with the work, or when the time is over. */
async function atMost(milliseconds: number, work: Promise<void> | undefined): Promise<void> {
  if (work === undefined) return
  const { promise: waited, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, milliseconds)
  await Promise.race([work, waited])
  clearTimeout(timer)
}

/**
 * Looks for expired tokens now and then, so that they are counted and leave; one look at a time. The server closes only
 * after the last one, before anything that its counts are reported through.
 *
 * @param interval seconds
 * @returns what looks now, or waits for the look that goes on; it never rejects
 */
export function pruneRegularly(
  fastify: FastifyInstance,
  server: Pick<TokenServer, 'prune'>,
  interval: number
): () => Promise<void> {
  let running: Promise<void> | undefined
  let skipped = 0

  function look(): Promise<void> {
    skipped = 0
    const current = server
      .prune()
      .then(() => {})
      .catch((err) => fastify.log.warn({ err }, 'expired tokens could not be pruned'))
      .finally(() => {
        if (running === current) running = undefined
      })
    running = current
    return current
  }

  const timer = setInterval(() => {
    if (running !== undefined && skipped < SKIPPED_LOOKS) skipped += 1
    else look()
  }, interval * 1000)
  timer.unref()
  fastify.addHook('onClose', async () => clearInterval(timer))
  // In onClose it would be too late: hooks that the application adds after ours, and ends its telemetry in, run before.
  fastify.addHook('preClose', () => atMost(CLOSE_WAIT, running))
  return () => running ?? look()
}

/** Expiry is counted up to the moment of the scrape; a store that is down costs these numbers, not the scrape. */
export function afterPruning(text: MetricsText, prune: () => Promise<void>): MetricsText {
  return async () => {
    await atMost(SCRAPE_WAIT, prune())
    return text()
  }
}
