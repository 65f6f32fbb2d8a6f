import { chmodSync, closeSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { explained, isBusy } from './errors.ts'
import { APPLICATION_ID, MIGRATIONS } from './schema.ts'

/** How safe a commit is before it is acknowledged. */
export type Synchronous = 'normal' | 'full'

/** A database, by two connections. */
export interface OpenDatabase {
  readonly database: DatabaseSync
  /** For reading one state of it during several turns of the event loop. */
  readonly reader: DatabaseSync
}

/** For so long processes that open one file at the same moment wait for each other. */
const OPENING_MS = 10_000
/** A short wait for another process's commit costs less than coming back to it. */
const BUSY_MS = 2
/**
 * A commit that splits pages walks the whole cache: at 32 MiB that is a tenth of a refresh. At 8 MiB pages that are still
 * in the log are read again and again.
 */
const CACHE_KIB = 16_384
/**
 * Half of SQLite's default. Tokens of many clients and subjects end in as many places of the indexes, and each of these
 * costs a page in the log: while a million expire in a minute, requests (p99) take 1.8 times as long as when none do, and
 * took 2.9 times as long with the default.
 */
const PAGE_BYTES = 2048
/** As much as SQLite maps at most: what the cache does not hold is then read without a call to the system. */
const MAPPED_BYTES = 0x7fff0000
/** Pages in the log from which on a commit carries them over itself: in case that the thread does not. */
const CHECKPOINT_PAGES = 40_000
const LOG_BYTES = 64 * 1024 * 1024

/**
 * Opens a database file of ours, made with mode 0600 (its folder with 0700) where there is none, and brings its schema up
 * to date.
 *
 * @throws Error that says what is wrong with the file and what to do
 */
export function openDatabase(path: string, synchronous: Synchronous): OpenDatabase {
  makeFile(path)
  let database: DatabaseSync | undefined
  try {
    const opened = new DatabaseSync(path, { timeout: OPENING_MS })
    database = opened
    // A file that has pages keeps their size.
    database.exec(`PRAGMA page_size = ${PAGE_BYTES}`)
    patiently(() => {
      assertOurs(opened, path)
      // Readers and a writer at once, and no half-written state: everything stands on the write-ahead log.
      opened.exec('PRAGMA journal_mode = WAL')
    })
    database.exec(`
      PRAGMA synchronous = ${synchronous};
      PRAGMA cache_size = -${CACHE_KIB};
      PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
      PRAGMA mmap_size = ${MAPPED_BYTES};
      PRAGMA journal_size_limit = ${LOG_BYTES};
      PRAGMA trusted_schema = OFF;
    `)
    migrate(database, path)
    database.exec(`PRAGMA busy_timeout = ${BUSY_MS}`)
    return { database, reader: new DatabaseSync(path, { readOnly: true, timeout: BUSY_MS }) }
  } catch (error) {
    database?.close()
    throw explained(path, error)
  }
}

function makeFile(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    if (statSync(path, { throwIfNoEntry: false }) !== undefined) return
    closeSync(openSync(path, 'a', 0o600))
    chmodSync(path, 0o600)
  } catch (cause) {
    throw new Error(`The token database ${path} cannot be created: its folder must be one that can be written`, {
      cause
    })
  }
}

/** Where SQLite itself does not wait for other processes. */
function patiently(work: () => void): void {
  const deadline = performance.now() + OPENING_MS
  for (;;) {
    try {
      work()
      return
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
    }
  }
}

/** Whose file it is, of which schema, and how many tables and indexes it has. */
const FACTS = `
  SELECT application_id AS owner, user_version AS version, (SELECT count(*) FROM sqlite_schema) AS parts
  FROM pragma_application_id, pragma_user_version`

interface Facts {
  readonly owner: number
  readonly version: number
  readonly parts: number
}

/** @throws Error when it is another application's */
function assertOurs(database: DatabaseSync, path: string): Facts {
  const facts = database.prepare(FACTS).get() as unknown as Facts
  if (facts.owner !== APPLICATION_ID && !(facts.owner === 0 && facts.parts === 0)) {
    throw new Error(`The token database ${path} belongs to another application: give the store a file of its own`)
  }
  return facts
}

/** All steps that are missing in one transaction; it also shows that the file can be written. */
function migrate(database: DatabaseSync, path: string): void {
  database.exec('BEGIN IMMEDIATE')
  const { version } = assertOurs(database, path)
  if (version > MIGRATIONS.length) {
    throw new Error(
      `The token database ${path} is of schema ${version} and this release knows ${MIGRATIONS.length}: ` +
        'it was written by a newer release of fastify-oauth-telemetry, which must be installed to open it'
    )
  }
  for (const step of MIGRATIONS.slice(version)) database.exec(step)
  database.exec(`
    PRAGMA application_id = ${APPLICATION_ID};
    PRAGMA user_version = ${MIGRATIONS.length};
    COMMIT;
  `)
}
