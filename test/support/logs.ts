import { logs } from '@opentelemetry/api'
import {
  InMemoryLogRecordExporter,
  LoggerProvider,
  type ReadableLogRecord,
  SimpleLogRecordProcessor
} from '@opentelemetry/sdk-logs'
import type { Test } from 'tap'

/** Registers a real logger provider for this process, undone when the test ends; gives what it has recorded. */
export function recordLogs(t: Test): { records: () => ReadableLogRecord[]; reset: () => void } {
  const exporter = new InMemoryLogRecordExporter()
  const provider = new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter })] })
  logs.setGlobalLoggerProvider(provider)
  t.teardown(async () => {
    logs.disable()
    await provider.shutdown()
  })
  return { records: () => exporter.getFinishedLogRecords(), reset: () => exporter.reset() }
}
