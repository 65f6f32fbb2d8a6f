import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { SqliteStore, type SqliteStoreOptions } from '../../lib/stores/sqlite.ts'

/** A folder of its own, gone with the test. */
export async function newFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sqlite-store-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** The path of a database that is not there yet. */
export async function newPath(t: Test): Promise<string> {
  return join(await newFolder(t), 'tokens.db')
}

/** A store on a file, closed with the test. */
export function openStore(t: Test, path: string, options: Partial<SqliteStoreOptions> = {}): SqliteStore {
  const store = new SqliteStore({ path, ...options })
  t.teardown(() => store.close())
  return store
}
