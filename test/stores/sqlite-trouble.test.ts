import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, open, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { SqliteStore } from '../../lib/stores/sqlite.ts'
import { unprivilegedUser } from '../support/programs.ts'
import { newFolder, newPath, openStore } from '../support/sqlite.ts'
import { accessToken, NOW, sorted } from './conformance/tokens.ts'

/** How opening a file fails. */
function failure(path: string): Error {
  try {
    new SqliteStore({ path })
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('it has been opened')
}

const DAMAGED = 'is no SQLite database, or a damaged one: restore it from a backup, or move it away to start empty'

t.test('what is no database says so, and is left alone', async (t) => {
  const path = await newPath(t)
  await writeFile(path, 'my diary\n'.repeat(1000))
  const error = failure(path)
  t.equal(error.message, `The token database ${path} ${DAMAGED}`)
  t.match(error.cause, { code: 'ERR_SQLITE_ERROR', errstr: 'file is not a database' })
  t.equal(await readFile(path, 'utf8'), 'my diary\n'.repeat(1000))
})

t.test('a damaged first page says so', async (t) => {
  const path = await newPath(t)
  await new SqliteStore({ path }).close()
  const file = await open(path, 'r+')
  await file.write(Buffer.alloc(900, 0xff), 0, 900, 100)
  await file.close()
  t.equal(failure(path).message, `The token database ${path} ${DAMAGED}`)
})

t.test('damage deeper in the file is said by whoever meets it, and is no answer', async (t) => {
  const path = await newPath(t)
  const tokens = Array.from({ length: 500 }, () => accessToken())
  const first = new SqliteStore({ path })
  await Promise.all(tokens.map((token) => first.insert([token])))
  await first.close()
  const { size } = await stat(path)
  const file = await open(path, 'r+')
  await file.write(Buffer.alloc(size - 8192, 0xff), 0, size - 8192, 8192)
  await file.close()

  const store = openStore(t, path)
  const damaged = { message: `The token database ${path} ${DAMAGED}` }
  for (const { id } of tokens.slice(0, 5)) await t.rejects(store.find(id), damaged)
  await Promise.all(tokens.map(({ id }) => t.rejects(store.find(id), damaged, 'also where many look at once')))
  await t.rejects(store.insert([accessToken()]), damaged)
  await t.rejects(store.countLive(NOW), damaged)
  await t.rejects(store.prune(NOW + 86_400), damaged)
})

t.test('a file that has lost a table says so, and is closed again', async (t) => {
  const path = await newPath(t)
  await new SqliteStore({ path }).close()
  const file = new DatabaseSync(path)
  file.exec('DROP TABLE mark')
  const { message, cause } = failure(path)
  t.match(message, /has not the tables that it must have: restore it from a backup/)
  t.match(cause, { code: 'ERR_SQLITE_ERROR' })
  file.exec('PRAGMA locking_mode = EXCLUSIVE; DELETE FROM walk')
  file.close()
})

t.test("another application's database is not touched", async (t) => {
  const path = await newPath(t)
  const other = new DatabaseSync(path)
  other.exec('CREATE TABLE diary (entry TEXT)')
  other.close()
  const foreign = `The token database ${path} belongs to another application: give the store a file of its own`
  t.equal(failure(path).message, foreign)
  const again = new DatabaseSync(path)
  t.strictSame(
    again
      .prepare('SELECT name FROM sqlite_schema')
      .all()
      .map(({ name }) => name),
    ['diary']
  )
  t.strictSame({ ...again.prepare('PRAGMA journal_mode').get() }, { journal_mode: 'delete' }, 'nor made ready for us')
  again.exec('DROP TABLE diary; PRAGMA application_id = 7')
  again.close()
  t.equal(failure(path).message, foreign, 'an empty one neither')
})

t.test('a file of a newer schema is refused, and stays as it is', async (t) => {
  const path = await newPath(t)
  await new SqliteStore({ path }).close()
  const newer = new DatabaseSync(path)
  newer.exec('PRAGMA user_version = 2')
  newer.close()
  const error = failure(path)
  t.equal(
    error.message,
    `The token database ${path} is of schema 2 and this release knows 1: ` +
      'it was written by a newer release of fastify-oauth-telemetry, which must be installed to open it'
  )
  const after = new DatabaseSync(path)
  t.equal(after.prepare('PRAGMA user_version').get()?.user_version, 2)
  after.close()
})

t.test('a path that is a folder, and a folder that is a file, say so', async (t) => {
  const folder = await newFolder(t)
  await mkdir(join(folder, 'folder'))
  await writeFile(join(folder, 'file'), '')
  t.equal(
    failure(join(folder, 'folder')).message,
    `The token database ${join(folder, 'folder')} cannot be opened: ` +
      'its folder must exist, and this process must be allowed to read and write there'
  )
  const below = failure(join(folder, 'file', 'tokens.db'))
  t.equal(
    below.message,
    `The token database ${join(folder, 'file', 'tokens.db')} cannot be created: its folder must be one that can be written`
  )
  t.match(below.cause, { code: /^(ENOTDIR|EEXIST)$/ })
})

t.test('what may not be written is refused at once: a file, and a folder', async (t) => {
  const path = await newPath(t)
  await new SqliteStore({ path }).close()
  await chmod(path, 0o444)
  await chmod(dirname(path), 0o555)
  const { uid } = await unprivilegedUser()
  if (uid !== undefined) process.seteuid?.(uid)
  const errors = [failure(path), failure(join(dirname(path), 'another.db'))]
  if (uid !== undefined) process.seteuid?.(0)
  await chmod(dirname(path), 0o755)
  t.strictSame(
    errors.map(({ message }) => message),
    [
      `The token database ${path} cannot be written: this process must be allowed to write the file and its folder`,
      `The token database ${join(dirname(path), 'another.db')} cannot be created: its folder must be one that can be written`
    ]
  )
  t.match(errors[0]?.cause, { code: 'ERR_SQLITE_ERROR', errstr: /readonly|unable to open/ })
  t.match(errors[1]?.cause, { code: 'EACCES' })
})

t.test(
  'another process that keeps the file to itself: the event loop goes on, patience ends, and service returns',
  async (t) => {
    const path = await newPath(t)
    const store = openStore(t, path)
    const token = accessToken()
    await store.insert([token])
    const other = new DatabaseSync(path)
    t.teardown(() => other.close())

    other.exec('BEGIN IMMEDIATE')
    const waiting = store.insert([accessToken()])
    let turns = 0
    const timer = setInterval(() => {
      turns += 1
    }, 1)
    t.strictSame(await store.find(token.id), token, 'reading does not wait')
    t.strictSame(sorted(await store.countLive(NOW)), ['web access 1'])
    await sleep(50)
    other.exec('COMMIT')
    t.equal(await waiting, true, 'who waits gets through')
    t.ok(turns > 3, `${turns} turns of the event loop meanwhile`)
    clearInterval(timer)

    other.exec('BEGIN IMMEDIATE')
    const late = accessToken()
    await t.rejects(store.insert([late]), {
      message: `The token database ${path} has been held by another process for too long: look for one that keeps a transaction open`
    })
    other.exec('COMMIT')
    t.equal(await store.find(late.id), undefined, 'who was refused has changed nothing')
    t.equal(await store.insert([late]), true)
  }
)

t.test('a file that another process is just making is waited for', async (t) => {
  const path = await newPath(t)
  const script = `
    const database = new (require('node:sqlite').DatabaseSync)(process.argv[1])
    database.exec('BEGIN IMMEDIATE; CREATE TABLE made (by_another); DROP TABLE made')
    console.log('begun')
    setTimeout(() => database.exec('COMMIT'), 200)`
  const other = spawn(process.execPath, ['-e', script, path], { stdio: ['ignore', 'pipe', 'ignore'] })
  const ended = once(other, 'exit')
  await once(other.stdout, 'data')
  const store = openStore(t, path)
  t.strictSame(await ended, [0, null])
  t.equal(await store.insert([accessToken()]), true)
})
