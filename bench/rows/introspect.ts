import type { Flags } from '../flags.ts'
import { race } from '../race.ts'
import { basic, gateway } from '../scenario.ts'
import { linesFile } from '../scratch.ts'
import type { Server } from '../server.ts'
import type { Line } from '../table.ts'
import type { Load } from '../wrk.ts'

/** Live access tokens of a user, 200 in turn: ours are JWTs, oidc-provider's opaque, since it introspects no JWT. */
export async function introspect(flags: Flags): Promise<Line[]> {
  const mint = { kind: 'access', count: 200 }
  const ask = ({ port, tokens = [] }: Server, path: string): Load => ({
    script: 'form',
    url: `http://127.0.0.1:${port}${path}`,
    args: [linesFile(tokens.map((token) => `${new URLSearchParams({ token })}`)), basic(gateway)]
  })
  return race(
    flags,
    [
      {
        name: 'ours',
        server: 'ours.ts',
        settings: { mint },
        load: (server) => ask(server, '/oauth/introspect'),
        spans: 'every request'
      },
      {
        name: 'oidc-provider',
        server: 'oidc-provider.ts',
        settings: { alg: 'RS256', accessTokenFormat: 'opaque', mint },
        load: (server) => ask(server, '/token/introspection')
      }
    ],
    [{ what: 'introspect', of: 'ours', to: 'oidc-provider', floor: 2, aim: 4 }]
  )
}
