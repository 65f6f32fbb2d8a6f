import { copyFile, stat, truncate } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { GroupCommit } from '../../lib/stores/sqlite/group-commit.ts'
import { SqliteStore } from '../../lib/stores/sqlite.ts'
import { newPath, openStore } from '../support/sqlite.ts'
import { accessToken, NOW, sorted } from './conformance/tokens.ts'

const PAGE = 2048
const COMMITS = 20_000

t.test('what has been committed is soon in the database itself, and not only in its log', async (t) => {
  const path = await newPath(t)
  const store = openStore(t, path)
  const token = accessToken()
  await store.insert([token])
  const isCarriedOver = async (): Promise<boolean> => {
    await copyFile(path, `${path}.copy`)
    const copy = new SqliteStore({ path: `${path}.copy` })
    const found = await copy.find(token.id)
    await copy.close()
    return found !== undefined
  }
  // A copy that is made while pages are carried over is torn, and no database.
  const isCarriedOverWhole = () => isCarriedOver().catch(() => false)
  const deadline = Date.now() + 20_000
  while (!(await isCarriedOverWhole()) && Date.now() < deadline) await sleep(50)
  t.equal(await isCarriedOver(), true)
})

t.test('the log does not grow for ever, however much is written', async (t) => {
  const path = await newPath(t)
  const store = openStore(t, path)
  let longest = 0
  for (let inserted = 0; inserted < COMMITS; inserted += 1) {
    await store.insert([accessToken({ subject: `user-${inserted}`, clientId: `client-${inserted % 300}` })])
    if (inserted % 100 === 0) longest = Math.max(longest, (await stat(`${path}-wal`)).size)
  }
  t.ok(longest < 3 * COMMITS * PAGE, `${Math.round(longest / PAGE)} pages of log, of five or more for each commit`)
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
