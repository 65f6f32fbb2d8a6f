import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { debianFolders } from './postgres.ts'
import { findProgram } from './programs.ts'
import { REDIS_SERVER } from './redis.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** What can only be covered with a server that this machine may not have. */
const NEEDS: readonly { readonly found: boolean; readonly files: RegExp }[] = [
  {
    found: (await findProgram(REDIS_SERVER, [])) !== undefined,
    files: /^(lib|example-server)\/stores\/redis(\/|\.ts$)/
  },
  {
    found: (await findProgram('initdb', await debianFolders())) !== undefined,
    files: /^(lib|example-server)\/stores\/postgres(\/|\.ts$)/
  }
]

const missing = NEEDS.filter(({ found }) => !found)

/** All that is ours, but for what cannot be covered here. */
function coverable(): string[] {
  return ['lib', 'example-server']
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path))
    )
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts') && !missing.some(({ files }) => files.test(path)))
}

const files = missing.length === 0 || process.env.CI ? [] : coverable()

/** The files whose coverage tap looks at, whatever the test; an empty list is all that are loaded. */
export default function coverageMap(): readonly string[] {
  return files
}
