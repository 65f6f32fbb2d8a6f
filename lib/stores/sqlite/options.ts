import { resolve } from 'node:path'
import type { Synchronous } from './open.ts'

export interface SqliteStoreOptions {
  /** The database file; it and its folder are made where there are none, for this user only (0600, 0700). */
  readonly path: string
  /**
   * What a token that was answered for survives. `'normal'` (the default): the end of this process, `kill -9` included;
   * a loss of power may take what came in the last second, and leaves what it leaves consistent. `'full'`: a loss of power
   * as well; every commit then holds up the event loop until the disk has it.
   */
  readonly synchronous?: Synchronous
}

/** The options, with defaults. @throws TypeError naming the option and what to write instead */
export function checked(options: SqliteStoreOptions): Required<SqliteStoreOptions> {
  const { path, synchronous = 'normal', ...unknown } = options ?? {}
  const [name] = Object.keys(unknown)
  if (name !== undefined) throw new TypeError(`SqliteStore has no option "${name}": it takes path and synchronous`)
  if (typeof path !== 'string' || path === '' || path === ':memory:') {
    throw new TypeError(
      "SqliteStore: path must be the path of a file, like './data/tokens.db' (for memory: MemoryStore)"
    )
  }
  if (synchronous !== 'normal' && synchronous !== 'full') {
    throw new TypeError("SqliteStore: synchronous must be 'normal' or 'full'")
  }
  return { path: resolve(path), synchronous }
}
