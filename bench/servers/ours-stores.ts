import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemoryStore, type TokenStore } from '../../lib/index.ts'
import { SqliteStore } from '../../lib/stores/sqlite.ts'

/** Where our server keeps its tokens; a database's durability. */
export type StoreSetting = 'memory' | { sqlite: 'normal' | 'full' }

/** A store that ends with this process, files and all. */
export function openStore(setting: StoreSetting): TokenStore {
  if (setting === 'memory') return new MemoryStore()
  return new SqliteStore({ path: join(scratchFolder(), 'tokens.db'), synchronous: setting.sqlite })
}

/** A folder that is gone when this process has ended. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'oauth-bench-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}
