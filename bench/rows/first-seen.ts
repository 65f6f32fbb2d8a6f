import type { Flags } from '../flags.ts'
import { type Contestant, race } from '../race.ts'
import { sampledParent } from '../scenario.ts'
import { linesFile } from '../scratch.ts'
import type { Line } from '../table.ts'
import { rsaKeys, signTokens } from '../tokens.ts'

/** A server that is faster than this runs out of tokens, and is then measured over the shorter time. */
const tokensPerSecond = 18_000

/** Tokens that the server has never seen: each is used once per server process. */
export async function firstSeen(flags: Flags): Promise<Line[]> {
  const keys = rsaKeys()
  const files = {
    'warm-up': linesFile(await signTokens(keys, flags.warmup * tokensPerSecond)),
    measurement: linesFile(await signTokens(keys, flags.seconds * tokensPerSecond))
  }

  const contestant = (name: string, server: string, settings: object): Contestant => ({
    name,
    server,
    settings,
    load: ({ port }, part) => ({
      script: 'once',
      url: `http://127.0.0.1:${port}/orders`,
      args: [files[part], sampledParent]
    })
  })

  return race(
    flags,
    [
      {
        ...contestant('ours', 'ours.ts', { signingKey: keys.privateKey, knownTokens: Object.values(files) }),
        spans: 'every request'
      },
      contestant('@fastify/jwt', 'fastify-jwt.ts', { publicKey: keys.publicKey, cache: false })
    ],
    [{ what: 'validate, first seen, RS256', of: 'ours', to: '@fastify/jwt', floor: 1, aim: 1.7 }]
  )
}
