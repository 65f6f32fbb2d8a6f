import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, rm, stat, truncate } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { GroupCommit } from '../../lib/stores/sqlite/group-commit.ts'
import { SqliteStore } from '../../lib/stores/sqlite.ts'
import { newPath, openStore } from '../support/sqlite.ts'
import { accessToken, NOW, sorted } from './conformance/tokens.ts'

const PAGE = 2048
const COMMITS = 20_000

/** Whether a token is in the database itself; a copy that is made while pages are carried over is torn. */
async function isCarriedOver(path: string, id: string): Promise<boolean> {
  await copyFile(path, `${path}.copy`)
  try {
    const copy = new SqliteStore({ path: `${path}.copy` })
    const found = await copy.find(id).finally(() => copy.close())
    return found !== undefined
  } catch {
    return false
  }
}

/** The same within twenty seconds. */
async function isSoonCarriedOver(path: string, id: string): Promise<boolean> {
  const deadline = Date.now() + 20_000
  while (Date.now() < deadline) {
    if (await isCarriedOver(path, id)) return true
    await sleep(50)
  }
  return false
}

t.test('what has been committed is soon in the database itself, and not only in its log', async (t) => {
  const path = await newPath(t)
  const store = openStore(t, path)
  const token = accessToken()
  await store.insert([token])
  t.equal(await isSoonCarriedOver(path, token.id), true)
})

t.test(
  'what a reader kept from being carried over is carried over when it has gone, without another commit',
  async (t) => {
    const path = await newPath(t)
    const store = openStore(t, path)
    await store.insert([accessToken()])
    const reader = new DatabaseSync(path, { readOnly: true })
    reader.exec('BEGIN')
    reader.prepare('SELECT count(*) FROM token').get()
    const token = accessToken()
    await store.insert([token])
    await sleep(1000)
    t.equal(await isCarriedOver(path, token.id), false)
    reader.close()
    t.equal(await isSoonCarriedOver(path, token.id), true)
  }
)

t.test('the log does not grow for ever, however much is written', async (t) => {
  const path = await newPath(t)
  const store = openStore(t, path)
  let longest = 0
  for (let inserted = 0; inserted < COMMITS; inserted += 1) {
    await store.insert([accessToken({ subject: `user-${inserted}`, clientId: `client-${inserted % 300}` })])
    if (inserted % 100 === 0) longest = Math.max(longest, (await stat(`${path}-wal`)).size)
  }
  t.ok(longest < 4 * COMMITS * PAGE, `${Math.round(longest / PAGE)} pages of log, of five or more for each commit`)
  await store.close()
  const again = openStore(t, path)
  const counts = await again.countLive(NOW)
  t.equal(
    counts.reduce((sum, { count }) => sum + count, 0),
    COMMITS
  )
  t.equal(sorted(counts).length, 300)
})

t.test('a log that can no longer be read ends neither the process nor its thread', async (t) => {
  const path = await newPath(t)
  const store = new SqliteStore({ path })
  const insertMany = () => Promise.all(Array.from({ length: 200 }, () => store.insert([accessToken()])))
  await insertMany()
  const deadline = Date.now() + 20_000
  while ((await stat(path)).size === PAGE && Date.now() < deadline) await sleep(20)
  await insertMany()
  await truncate(`${path}-wal`, 0)
  const unreadable = `The token database ${path} could not be read or written: look at its disk; nothing has been changed`
  await t.rejects(store.countLive(NOW), { message: unreadable })
  await sleep(1500)
  await t.rejects(store.countLive(NOW), { message: unreadable })
  await store.close()
})

t.test('while the log begins anew nothing is written, and then everything is', async (t) => {
  const database = new DatabaseSync(await newPath(t))
  t.teardown(() => database.close())
  database.exec('CREATE TABLE word (text TEXT)')
  const asked: string[] = []
  const writes = new GroupCommit(database, {
    participants: [],
    explain: (error) => error,
    mustHold: () => asked.push('may it be written?') < 4
  })
  const written = ['one', 'two'].map((word) =>
    writes.run(() => {
      t.equal(asked.length, 4)
      return database.prepare('INSERT INTO word VALUES (?)').run(word).changes
    })
  )
  t.strictSame(await Promise.all(written), [1, 1])
  await writes.close()
})

t.test('where Node forbids threads, commits carry the log over, and a warning says so', async (t) => {
  const path = await newPath(t)
  const script = fileURLToPath(new URL('../support/sqlite-without-threads.ts', import.meta.url))
  const flags = ['--permission', '--allow-fs-read=*', '--allow-fs-write=*']
  const { stdout } = await promisify(execFile)('env', ['-i', process.execPath, ...flags, script, path])
  t.match(
    stdout,
    /SqliteStore: no thread carries its log over, so commits do, and wait for the disk: Error: Access to this API has been restricted/
  )
  t.match(stdout, /found true/)
  await openStore(t, path).close()
})

t.test('a thread that fails is warned of, and ends nothing else', async (t) => {
  const path = await newPath(t)
  const store = openStore(t, path)
  await store.insert([accessToken()])
  await rm(dirname(path), { recursive: true })
  const alive = setInterval(() => {}, 1000)
  const [warning] = (await once(process, 'warning')) as [Error]
  clearInterval(alive)
  t.match(warning.message, /^SqliteStore: no thread carries its log over, so commits do, and wait for the disk: /)
  await store.close()
})
