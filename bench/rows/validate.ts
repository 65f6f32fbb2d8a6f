import type { Flags } from '../flags.ts'
import { type Contestant, race } from '../race.ts'
import { sampledParent, unsampledParent } from '../scenario.ts'
import { linesFile } from '../scratch.ts'
import type { Line } from '../table.ts'
import { rsaKeys, signTokens } from '../tokens.ts'

/** Tokens that the server has seen before: 200 of them in turn. */
export async function validate(flags: Flags): Promise<Line[]> {
  const keys = rsaKeys()
  const { publicKey } = keys
  const tokens = linesFile(await signTokens(keys, 200))
  const ours = { signingKey: keys.privateKey, knownTokens: [tokens] }

  const contestant = (name: string, server: string, settings: object, parent: string): Contestant => ({
    name,
    server,
    settings,
    load: ({ port }) => ({ script: 'again', url: `http://127.0.0.1:${port}/orders`, args: [tokens, parent] })
  })

  return race(
    flags,
    [
      contestant('bare Fastify route', 'bare.ts', {}, unsampledParent),
      { ...contestant('ours, not sampled', 'ours.ts', ours, unsampledParent), spans: 'none' },
      { ...contestant('ours, recorded', 'ours.ts', ours, sampledParent), spans: 'every request' },
      { ...contestant('the least, not sampled', 'least.ts', {}, unsampledParent), spans: 'none' },
      { ...contestant('the least, recorded', 'least.ts', {}, sampledParent), spans: 'every request' },
      contestant('@fastify/jwt with cache', 'fastify-jwt.ts', { publicKey, cache: true }, sampledParent),
      contestant('@fastify/jwt without cache', 'fastify-jwt.ts', { publicKey, cache: false }, sampledParent),
      {
        ...contestant(
          "@fastify/jwt with cache and the seed's telemetry",
          'fastify-jwt-with-telemetry.ts',
          { publicKey },
          sampledParent
        ),
        spans: 'every request'
      },
      contestant('express-oauth2-jwt-bearer', 'express-oauth2-jwt-bearer.ts', { publicKey }, sampledParent)
    ],
    [
      { what: 'validate, seen, not sampled', of: 'ours, not sampled', to: 'bare Fastify route', floor: 0.8, aim: 0.9 },
      { what: 'validate, seen, recorded', of: 'ours, recorded', to: 'bare Fastify route', floor: 0.68, aim: 0.75 },
      { what: 'validate, seen, recorded', of: 'ours, recorded', to: '@fastify/jwt with cache', floor: 1.5 },
      { what: 'the least, not sampled', of: 'the least, not sampled', to: 'bare Fastify route' },
      { what: 'the least, recorded', of: 'the least, recorded', to: 'bare Fastify route' },
      { what: 'the least, recorded', of: 'the least, recorded', to: '@fastify/jwt with cache' },
      { what: 'validate, seen, not sampled', of: 'ours, not sampled', to: 'the least, not sampled' },
      { what: 'validate, seen, recorded', of: 'ours, recorded', to: 'the least, recorded' },
      { what: 'validate, seen, recorded', of: 'ours, recorded', to: '@fastify/jwt without cache' },
      {
        what: 'validate, seen, recorded',
        of: 'ours, recorded',
        to: "@fastify/jwt with cache and the seed's telemetry"
      },
      { what: 'validate, seen, recorded', of: 'ours, recorded', to: 'express-oauth2-jwt-bearer' }
    ]
  )
}
