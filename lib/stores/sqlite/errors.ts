/** Primary result codes of SQLite (https://sqlite.org/rescode.html). */
const ERROR = 1
const BUSY = 5
const LOCKED = 6
const READONLY = 8
const IOERR = 10
const CORRUPT = 11
const FULL = 13
const CANTOPEN = 14
const NOTADB = 26

const damaged = 'is no SQLite database, or a damaged one: restore it from a backup, or move it away to start empty'

/** What to do about each. */
const ADVICE: Readonly<Record<number, string>> = {
  [ERROR]: 'has not the tables that it must have: restore it from a backup, or move it away to start empty',
  [BUSY]: 'has been held by another process for too long: look for one that keeps a transaction open',
  [READONLY]: 'cannot be written: this process must be allowed to write the file and its folder',
  [IOERR]: 'could not be read or written: look at its disk; nothing has been changed',
  [CORRUPT]: damaged,
  [FULL]: 'cannot grow, the disk is full: free some space; nothing has been changed',
  [CANTOPEN]: 'cannot be opened: its folder must exist, and this process must be allowed to read and write there',
  [NOTADB]: damaged
}

/** The primary result code of an error that SQLite gave. */
function codeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined
  return error.errcode & 0xff
}

/** Another process is writing: trying again helps. */
export function isBusy(error: unknown): boolean {
  const code = codeOf(error)
  return code === BUSY || code === LOCKED
}

/** An error that says what to do, with the engine's own as its cause; what the engine did not raise stays as it is. */
export function explained(path: string, error: unknown): unknown {
  const code = codeOf(error)
  if (code === undefined) return error
  return new Error(`The token database ${path} ${ADVICE[code] ?? 'failed'}`, { cause: error })
}
