import type { Flags } from '../flags.ts'
import { race } from '../race.ts'
import { type Alg, basic, reports, scope } from '../scenario.ts'
import { linesFile } from '../scratch.ts'
import type { Line } from '../table.ts'

const bounds = { ES256: { floor: 2, aim: 3 }, RS256: { floor: 1.2, aim: 2 } }

export async function clientCredentials(flags: Flags, alg: Alg): Promise<Line[]> {
  const args = [linesFile([`${new URLSearchParams({ grant_type: 'client_credentials', scope })}`]), basic(reports)]
  return race(
    flags,
    [
      {
        name: 'ours',
        server: 'ours.ts',
        settings: { alg },
        load: ({ port }) => ({ script: 'form', url: `http://127.0.0.1:${port}/oauth/token`, args }),
        spans: 'every request'
      },
      {
        name: 'oidc-provider',
        server: 'oidc-provider.ts',
        settings: { alg, accessTokenFormat: 'jwt' },
        load: ({ port }) => ({ script: 'form', url: `http://127.0.0.1:${port}/token`, args })
      }
    ],
    [{ what: `client_credentials, ${alg}`, of: 'ours', to: 'oidc-provider', ...bounds[alg] }]
  )
}
