import type { FastifyInstance } from 'fastify'

/** Requests in flight may take so long to end; clients that send slowly get no more. */
const FINISH_MS = 5000

/** One Ctrl-C arrives twice under npm: from the terminal, and passed on by npm. */
const SAME_SIGNAL_MS = 500

/** SIGTERM and SIGINT close the server: requests in flight end, telemetry is sent. A second signal ends it at once. */
export function closeOnSignal(app: FastifyInstance): void {
  let closingSince: number | undefined

  async function close(signal: NodeJS.Signals): Promise<void> {
    if (closingSince !== undefined) {
      if (performance.now() - closingSince > SAME_SIGNAL_MS) process.exit(1)
      return
    }
    closingSince = performance.now()
    app.log.info({ signal }, 'closing')
    const cut = setTimeout(() => app.server.closeAllConnections(), FINISH_MS)
    await app.close()
    clearTimeout(cut)
    app.log.info('closed')
    process.exit(0)
  }

  process.on('SIGTERM', close)
  process.on('SIGINT', close)
}
