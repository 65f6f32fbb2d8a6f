import type { Flags } from '../flags.ts'
import { type Contestant, race } from '../race.ts'
import { basic, reports, scope, web } from '../scenario.ts'
import { linesFile } from '../scratch.ts'
import type { StoreSetting } from '../servers/ours-stores.ts'
import type { Line } from '../table.ts'

const familiesPerPart = 1000

/** The file store, ES256: issuing against memory and against oidc-provider, durability's price, and refreshing. */
export async function sqlite(flags: Flags): Promise<Line[]> {
  const form = [linesFile([`${new URLSearchParams({ grant_type: 'client_credentials', scope })}`]), basic(reports)]
  const issuing = (name: string, store: StoreSetting): Contestant => ({
    name,
    server: 'ours.ts',
    settings: { alg: 'ES256', store },
    load: ({ port }) => ({ script: 'form', url: `http://127.0.0.1:${port}/oauth/token`, args: form }),
    spans: 'every request'
  })
  return race(
    flags,
    [
      issuing('ours, in memory', 'memory'),
      issuing('ours, SQLite', { sqlite: 'normal' }),
      issuing('ours, SQLite, synchronous full', { sqlite: 'full' }),
      {
        name: 'oidc-provider, in memory',
        server: 'oidc-provider.ts',
        settings: { alg: 'ES256', accessTokenFormat: 'jwt' },
        load: ({ port }) => ({ script: 'form', url: `http://127.0.0.1:${port}/token`, args: form })
      },
      {
        name: 'ours, SQLite, refresh',
        server: 'ours.ts',
        settings: { alg: 'ES256', store: { sqlite: 'normal' }, mint: { kind: 'refresh', count: 2 * familiesPerPart } },
        load: ({ port, tokens = [] }, part) => {
          const first = part === 'warm-up' ? tokens.slice(0, familiesPerPart) : tokens.slice(familiesPerPart)
          return { script: 'refresh', url: `http://127.0.0.1:${port}/oauth/token`, args: [linesFile(first), web.id] }
        },
        spans: 'every request'
      }
    ],
    [
      { what: 'issue on SQLite', of: 'ours, SQLite', to: 'ours, in memory', floor: 0.7, aim: 0.85 },
      { what: 'issue on SQLite', of: 'ours, SQLite', to: 'oidc-provider, in memory', floor: 1.5, aim: 2.5 },
      { what: 'refresh on SQLite', of: 'ours, SQLite, refresh', to: 'ours, SQLite', floor: 0.6, aim: 0.8 },
      { what: "issue, synchronous: 'full'", of: 'ours, SQLite, synchronous full', to: 'ours, SQLite' }
    ]
  )
}
