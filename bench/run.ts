import { type Flags, readFlags } from './flags.ts'
import { clientCredentials } from './rows/client-credentials.ts'
import { firstSeen } from './rows/first-seen.ts'
import { introspect } from './rows/introspect.ts'
import { memory } from './rows/memory.ts'
import { refresh } from './rows/refresh.ts'
import { sqlite } from './rows/sqlite.ts'
import { sqliteExpiry } from './rows/sqlite-expiry.ts'
import { sqliteGrowing } from './rows/sqlite-growing.ts'
import { validate } from './rows/validate.ts'
import { type Line, table, verdict } from './table.ts'

const rows: Record<string, (flags: Flags) => Promise<Line[]>> = {
  validate,
  'first-seen': firstSeen,
  'client-credentials-es256': (flags) => clientCredentials(flags, 'ES256'),
  'client-credentials-rs256': (flags) => clientCredentials(flags, 'RS256'),
  'refresh-es256': (flags) => refresh(flags, 'ES256'),
  'refresh-rs256': (flags) => refresh(flags, 'RS256'),
  introspect,
  memory,
  sqlite,
  'sqlite-growing': sqliteGrowing,
  'sqlite-expiry': sqliteExpiry
}

const flags = readFlags()
const unknown = flags.rows.filter((name) => !(name in rows))
if (unknown.length > 0) throw new TypeError(`no row ${unknown.join(', ')}; there are ${Object.keys(rows).join(', ')}`)

const lines: Line[] = []
for (const [name, measure] of Object.entries(rows)) {
  if (flags.rows.length > 0 && !flags.rows.includes(name)) continue
  console.error(`\n${name}`)
  lines.push(...(await measure(flags)))
}
console.log(`\n${table(lines)}`)
if (lines.some((line) => verdict(line) === 'MISSED')) process.exitCode = 1
