import type { FastifyInstance } from 'fastify'
import type { TokenServer } from './oauth/server.ts'
import type { MetricsText } from './telemetry/prometheus.ts'

/** So many passes are skipped while an earlier one goes on; then it is taken for lost. */
const SKIPPED_PASSES = 3

/** How long a scrape waits for expired tokens to be counted; the next one has those that take longer. */
const SCRAPE_WAIT_MS = 1000

/** How long a server that closes waits for the pass that goes on: what it counts would be lost. */
const CLOSE_WAIT_MS = 3000

/** Resolves with the work, or when the time is over. */
async function atMost(milliseconds: number, work: Promise<void> | undefined): Promise<void> {
  if (work === undefined) return
  const { promise: waited, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, milliseconds)
  await Promise.race([work, waited])
  clearTimeout(timer)
}

/**
 * Looks for expired tokens now and then, so that they are counted and leave; one pass at a time. From when this hears
 * that the server closes there is no other, and the server closes after the last one, before anything that its counts
 * are reported through.
 *
 * @param interval seconds
 * @returns what looks now, or waits for the pass that goes on; it never rejects
 */
export function pruneRegularly(
  fastify: FastifyInstance,
  server: Pick<TokenServer, 'prune'>,
  interval: number
): () => Promise<void> {
  let running: Promise<void> | undefined
  let skipped = 0
  let isClosing = false

  function pass(): Promise<void> {
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
    if (running !== undefined && skipped < SKIPPED_PASSES) skipped += 1
    else pass()
  }, interval * 1000)
  timer.unref()
  function stop(): void {
    isClosing = true
    clearInterval(timer)
  }

  // In onClose it would be too late: hooks that the application adds after ours, and ends its telemetry in, run before.
  fastify.addHook('preClose', () => {
    stop()
    return atMost(CLOSE_WAIT_MS, running)
  })
  // Where a hook of the application fails before, Fastify leaves out the one above.
  fastify.addHook('onClose', async () => stop())
  return async () => running ?? (isClosing ? undefined : pass())
}

/** Expiry is counted up to the moment of the scrape; a store that is down costs these numbers, not the scrape. */
export function afterPruning(text: MetricsText, prune: () => Promise<void>): MetricsText {
  return async () => {
    await atMost(SCRAPE_WAIT_MS, prune())
    return text()
  }
}
