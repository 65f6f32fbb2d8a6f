/** Primary result codes of SQLite (https://sqlite.org/rescode.html). */
const BUSY = 5
const LOCKED = 6
const READONLY = 8
const IOERR = 10
const CORRUPT = 11
const FULL = 13
const CANTOPEN = 14
const NOTADB = 26

const damaged = 'is no SQLite database, or a damaged one: restore it from a backup, or move it away to start empty'

const incomplete = 'has not the tables that it must have: restore it from a backup, or move it away to start empty'

/** What to do about each. */
const ADVICE: Readonly<Record<number, string>> = {
  [BUSY]: 'has been held by another process for too long: look for one that keeps a transaction open',
  [READONLY]: 'cannot be written: this process must be allowed to write the file and its folder',
  [IOERR]: 'could not be read or written: look at its disk; nothing has been changed',
  [CORRUPT]: damaged,
  [FULL]: 'cannot grow, the disk is full: free some space; nothing has been changed',
  [CANTOPEN]: 'cannot be opened: its folder must exist, and this process must be allowed to read and write there',
  [NOTADB]: damaged
}

interface SqliteError extends Error {
  readonly errcode: number
}

const isOfSqlite = (error: unknown): error is SqliteError =>
  error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'

/** The primary result code. */
const codeOf = ({ errcode }: SqliteError): number => errcode & 0xff

/** Another process is writing: trying again helps. */
export function isBusy(error: unknown): boolean {
  return isOfSqlite(error) && (codeOf(error) === BUSY || codeOf(error) === LOCKED)
}

/** What SQLite says of a schema that is not ours any more; the code of it is one for many causes. */
const MISSING = /^no such (table|index|column)/

function adviceFor(error: SqliteError): string {
  return MISSING.test(error.message) ? incomplete : (ADVICE[codeOf(error)] ?? 'failed')
}

/** An error that says what to do, with the engine's own as its cause; what the engine did not raise stays as it is. */
export function explained(path: string, error: unknown): unknown {
  return isOfSqlite(error) ? new Error(`The token database ${path} ${adviceFor(error)}`, { cause: error }) : error
}
