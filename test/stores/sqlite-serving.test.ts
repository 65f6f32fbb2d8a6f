import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { backup, DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import type { StoredToken, TokenStore } from '../../lib/index.ts'
import { reportMissing } from '../support/programs.ts'
import { newFolder, newPath, openStore } from '../support/sqlite.ts'
import { accessToken, NOW, refreshToken, rotate, sorted } from './conformance/tokens.ts'

const fixture = (name: string): string => fileURLToPath(new URL(`../support/${name}`, import.meta.url))

/** Issues pairs and refreshes them all the time; tells what was acknowledged before which moment. */
function underLoad(store: TokenStore) {
  const acknowledged: StoredToken[] = []
  let isOver = false
  const work = async () => {
    while (!isOver) {
      const access = accessToken()
      const refresh = refreshToken({ family: access.family })
      await store.insert([access, refresh])
      acknowledged.push(access)
      const rotated = await rotate(store, refresh, NOW + 1)
      acknowledged.push(rotated.access, rotated.refresh)
    }
  }
  const workers = Array.from({ length: 10 }, work)
  return {
    acknowledged,
    async end() {
      isOver = true
      await Promise.all(workers)
    }
  }
}

t.test('a backup that is made while serving restores to one moment: whole families, exact counts', async (t) => {
  const path = await newPath(t)
  const store = openStore(t, path)
  const load = underLoad(store)
  while (load.acknowledged.length < 500) await sleep(1)
  const before = load.acknowledged.length

  const other = new DatabaseSync(path, { readOnly: true })
  // In one step: a backup in several begins anew whenever another connection has written.
  await backup(other, `${path}.backup`, { rate: 2 ** 31 - 1 })
  other.close()
  const during = load.acknowledged.length - before
  await load.end()
  t.ok(during > 0, `${during} tokens were acknowledged while the backup was made`)

  const restored = openStore(t, `${path}.backup`)
  for (const token of load.acknowledged.slice(0, before)) {
    t.strictSame(await restored.find(token.id), token, { diagnostic: false })
  }
  const file = new DatabaseSync(`${path}.backup`, { readOnly: true })
  t.teardown(() => file.close())
  t.strictSame(
    file
      .prepare('PRAGMA integrity_check')
      .all()
      .map(({ integrity_check: said }) => said),
    ['ok']
  )
  const rows = file.prepare('SELECT family, refresh, ended, row FROM token').all()
  const count = (type: number) => rows.filter(({ refresh, ended }) => refresh === type && ended === 0).length
  t.strictSame(sorted(await restored.countLive(NOW)), [`web access ${count(0)}`, `web refresh ${count(1)}`])
  t.equal(count(1), rows.filter(({ family }) => family === null).length, 'each family has one refresh token alive')
  t.equal(await restored.insert([accessToken()]), true, 'and it serves')
})

t.test('many processes may create one file at the same moment', async (t) => {
  const path = await newPath(t)
  const children = Array.from({ length: 6 }, () =>
    fork(fixture('sqlite-process.ts'), [path], { execArgv: [], env: {} })
  )
  const answers = await Promise.all(
    children.map(async (child) => {
      const ended = once(child, 'exit')
      const [{ kept }] = (await Promise.race([once(child, 'message'), ended])) as [{ kept: string }]
      t.strictSame(await ended, [0, null])
      return kept
    })
  )
  t.equal(new Set(answers).size, 1, 'they share a key')
  t.strictSame(sorted(await openStore(t, path).countLive(NOW)), ['web access 600'])
})

t.test('a full disk: a clear error, no half-written state, reading goes on, and room is all it takes', async (t) => {
  const disk = await newFolder(t)
  const script = 'mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" "$3" "$1"'
  const inside = ['sh', '-c', script, 'sh', disk, process.execPath, fixture('sqlite-full-disk.ts')]
  const run = (flags: readonly string[]) =>
    promisify(execFile)('unshare', [...flags, ...inside], { env: { PATH: process.env.PATH } })
  const isRoot = process.getuid?.() === 0
  const output = await run(isRoot ? ['--mount'] : ['--user', '--map-root-user', '--mount']).catch(
    (error: Error & { stderr?: string }) => {
      if (/unshare|mount|ENOENT/.test(`${error.message.split('\n')[0]} ${error.stderr}`)) return undefined
      throw error
    }
  )
  if (output === undefined) return reportMissing(t, 'unshare, or the right to mount', 'util-linux')
  const said = JSON.parse(output.stdout)
  t.equal(
    said.failure,
    `The token database ${disk}/tokens.db cannot grow, the disk is full: free some space; nothing has been changed`
  )
  t.ok(said.acknowledged > 100, `${said.acknowledged} tokens found room`)
  t.equal(said.found, said.acknowledged, 'what was acknowledged is found while the disk is full')
  t.equal(said.live, said.acknowledged)
  t.equal(said.foundRefused, 0, 'what was refused left nothing')
  t.match(said.keep, /^ENOSPC/)
  t.equal(said.rotation.won, true)
  t.equal(said.liveAfterwards, said.acknowledged + 1)
})
