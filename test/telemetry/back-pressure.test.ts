import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { ExportResultCode } from '@opentelemetry/core'
import {
  BatchSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
  type SpanProcessor,
  TracerProvider
} from '@opentelemetry/sdk-trace'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { scrape } from '../support/metrics.ts'
import { buildServer, callOrders } from '../support/server.ts'
import { registerTracing } from '../support/traces.ts'

const QUEUE = 256
const REQUESTS = 2_000

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

/** Remembers the spans that have ended without keeping them: what is still alive, somebody else keeps. */
class EndedSpans implements SpanProcessor {
  readonly #spans: WeakRef<ReadableSpan>[] = []

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    this.#spans.push(new WeakRef(span))
  }

  /** How many have ended, and how many of them are still in memory. */
  async count(): Promise<{ ended: number; alive: number }> {
    await turn()
    collectGarbage()
    await turn()
    const alive = this.#spans.filter((span) => span.deref() !== undefined)
    return { ended: this.#spans.length, alive: alive.length }
  }

  async forceFlush(): Promise<void> {}
  async shutdown(): Promise<void> {}
}

/** An exporter that counts the spans it was handed, and never answers before it is told to. */
class SilentExporter implements SpanExporter {
  handed = 0
  #isSilent = true
  readonly #unanswered: Parameters<SpanExporter['export']>[1][] = []

  export(spans: ReadableSpan[], answer: Parameters<SpanExporter['export']>[1]): void {
    this.handed += spans.length
    if (this.#isSilent) this.#unanswered.push(answer)
    else answer({ code: ExportResultCode.SUCCESS })
  }

  answerAll(): void {
    this.#isSilent = false
    for (const answer of this.#unanswered) answer({ code: ExportResultCode.SUCCESS })
  }

  async shutdown(): Promise<void> {}
}

/** An exporter that throws instead. */
class ThrowingExporter extends SilentExporter {
  override export(spans: ReadableSpan[]): void {
    this.handed += spans.length
    throw new Error('canary')
  }
}

async function serverWith(t: Test, exporter: SilentExporter, exportTimeoutMillis: number) {
  const processor = new BatchSpanProcessor({
    exporter,
    maxQueueSize: QUEUE,
    maxExportBatchSize: 64,
    scheduledDelayMillis: 1,
    exportTimeoutMillis
  })
  const spans = new EndedSpans()
  registerTracing(t, new TracerProvider({ spanProcessors: [spans, processor] }))
  t.teardown(() => exporter.answerAll())
  const fastify = await buildServer(t)
  const { access_token } = await fastify.oauth.issue({ clientId: 'web', subject: 'alice' })
  return { fastify, access_token, spans }
}

/** Milliseconds that requests took, sorted; all of them must have succeeded. */
async function load(t: Test, fastify: FastifyInstance, accessToken: string): Promise<number[]> {
  const times: number[] = []
  let failed = 0
  for (let count = 0; count < REQUESTS; count += 1) {
    const start = performance.now()
    const { statusCode } = await callOrders(fastify, accessToken)
    times.push(performance.now() - start)
    if (statusCode !== 200) failed += 1
    if (count % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 2))
  }
  t.equal(failed, 0, 'every request is answered as ever')
  return times.sort((a, b) => a - b)
}

const median = (sorted: number[]) => sorted[Math.floor(sorted.length / 2)] ?? Number.NaN

t.test('A17: an exporter that never answers costs spans, and neither answers, time nor memory', async (t) => {
  const plain = await buildServer(t)
  const { access_token: warm } = await plain.oauth.issue({ clientId: 'web', subject: 'alice' })
  const usual = median(await load(t, plain, warm))

  const exporter = new SilentExporter()
  const { fastify, access_token, spans } = await serverWith(t, exporter, 60_000)
  const times = await load(t, fastify, access_token)
  t.ok(median(times) < usual * 10 + 5, `${median(times).toFixed(2)} ms, and ${usual.toFixed(2)} ms without tracing`)

  const { ended, alive } = await spans.count()
  t.equal(ended, REQUESTS + 1)
  t.ok(exporter.handed > 0, 'the exporter was asked')
  const kept = QUEUE + exporter.handed
  t.ok(alive >= QUEUE && alive <= kept + 8, `${alive} of ${ended} are in memory: a queue, and what is being exported`)

  const samples = await scrape(fastify)
  const valid = 'oauth2_token_validated_total{oauth2_client_id="web",oauth2_validation_result="valid"}'
  t.equal(samples.get(valid), REQUESTS, 'metrics miss nothing')
})

t.test('A17: an exporter that throws, every time, changes no answer', async (t) => {
  const exporter = new ThrowingExporter()
  const { fastify, access_token } = await serverWith(t, exporter, 500)
  await load(t, fastify, access_token)
  t.ok(exporter.handed > 0, 'the exporter was asked')
})
