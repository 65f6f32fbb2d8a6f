import type { Flags } from '../flags.ts'
import { race } from '../race.ts'
import { type Alg, web } from '../scenario.ts'
import { linesFile } from '../scratch.ts'
import type { Server } from '../server.ts'
import type { Line } from '../table.ts'
import type { Load } from '../wrk.ts'

const bounds = { ES256: { floor: 2, aim: 4 }, RS256: { floor: 1.2, aim: 2 } }

/** Many families in turn, because oidc-provider's memory adapter slows down as one grant collects tokens. */
const familiesPerPart = 1000

/** Rotation: each request spends the refresh token of an earlier response. */
export async function refresh(flags: Flags, alg: Alg): Promise<Line[]> {
  const mint = { kind: 'refresh', count: 2 * familiesPerPart }
  const spend = ({ port, tokens = [] }: Server, part: 'warm-up' | 'measurement', path: string): Load => {
    const first = part === 'warm-up' ? tokens.slice(0, familiesPerPart) : tokens.slice(familiesPerPart)
    return { script: 'refresh', url: `http://127.0.0.1:${port}${path}`, args: [linesFile(first), web.id] }
  }
  return race(
    flags,
    [
      {
        name: 'ours',
        server: 'ours.ts',
        settings: { alg, mint },
        load: (server, part) => spend(server, part, '/oauth/token'),
        spans: 'every request'
      },
      {
        name: 'oidc-provider',
        server: 'oidc-provider.ts',
        settings: { alg, accessTokenFormat: 'jwt', mint },
        load: (server, part) => spend(server, part, '/token')
      }
    ],
    [{ what: `refresh with rotation, ${alg}`, of: 'ours', to: 'oidc-provider', ...bounds[alg] }]
  )
}
