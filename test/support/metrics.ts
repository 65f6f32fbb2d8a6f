import type { FastifyInstance } from 'fastify'

/** One sample of a scrape: `name{labels}` without the labels of the scope, sorted, as `name{a="1",b="2"}`. */
export type Samples = ReadonlyMap<string, number>

/** Reads the Prometheus text format. */
export function parseMetrics(text: string): Samples {
  const samples = new Map<string, number>()
  for (const line of text.split('\n')) {
    const [, name, labels = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    if (name === undefined) continue
    const kept = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)]
      .filter(([, key]) => !key?.startsWith('otel_scope_'))
      .map(([pair]) => pair)
      .sort()
    samples.set(kept.length === 0 ? name : `${name}{${kept.join(',')}}`, Number(value))
  }
  return samples
}

/** Scrapes `/metrics`. */
export async function scrape(fastify: FastifyInstance): Promise<Samples> {
  const response = await fastify.inject({ url: '/metrics' })
  if (response.statusCode !== 200) throw new Error(`scrape answered ${response.statusCode}`)
  return parseMetrics(response.body)
}
