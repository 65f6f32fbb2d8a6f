import { buildApp } from './app.ts'
import { readAddress, readConfiguration } from './configuration.ts'
import { ConfigurationError } from './configuration-error.ts'
import { startOpenTelemetry } from './otel.ts'
import { reservePort } from './ports.ts'
import { closeOnSignal } from './signals.ts'

async function start(): Promise<void> {
  const { host, port: wanted } = readAddress(process.env)
  const reserved = wanted === 0 ? await reservePort(host) : undefined
  const port = reserved?.port ?? wanted
  const configuration = readConfiguration(process.env, { host, port })

  const stopOpenTelemetry = startOpenTelemetry()
  const app = await buildApp(configuration)
  // After the last request, and before the plugin closes the store that the last metrics are read from.
  app.addHook('onClose', stopOpenTelemetry)
  closeOnSignal(app)

  await reserved?.release()
  await app.listen({ host, port }).catch(({ message }: Error) => {
    throw new ConfigurationError(`${message}: set PORT to another, or to 0 for a free one, or HOST`)
  })
}

try {
  await start()
} catch (error) {
  if (!(error instanceof ConfigurationError)) throw error
  console.error(error.message)
  process.exit(1)
}
