import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { SqliteStore, type SqliteStoreOptions } from '../../lib/stores/sqlite.ts'
import { newFolder, newPath, openStore } from '../support/sqlite.ts'
import { accessToken, NOW, refreshToken, rotate, sorted } from './conformance/tokens.ts'
import { testStore } from './conformance.ts'

const folder = await newFolder(t)
let files = 0

await testStore(t, 'SqliteStore', async () => {
  files += 1
  return new SqliteStore({ path: join(folder, `${files}.db`) })
})

const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8)

t.test('wrong options throw, and say what to write instead', async (t) => {
  const wrong: Record<string, [unknown, RegExp]> = {
    'nothing at all': [undefined, /^SqliteStore: path must be the path of a file, like '\.\/data\/tokens\.db'/],
    'no path': [{}, /^SqliteStore: path must be/],
    'an empty path': [{ path: '' }, /^SqliteStore: path must be/],
    'a path that is a URL object': [{ path: new URL('file:///tokens.db') }, /^SqliteStore: path must be/],
    memory: [{ path: ':memory:' }, /\(for memory: MemoryStore\)$/],
    'another durability': [{ path: 'x', synchronous: 'off' }, /^SqliteStore: synchronous must be 'normal' or 'full'$/],
    'a misspelt option': [{ file: 'x' }, /^SqliteStore has no option "file": it takes path and synchronous$/]
  }
  for (const [name, [options, message]] of Object.entries(wrong)) {
    t.throws(() => new SqliteStore(options as SqliteStoreOptions), { name: 'TypeError', message }, name)
  }
})

t.test('what was acknowledged is there when the file is opened again', async (t) => {
  const path = await newPath(t)
  const first = new SqliteStore({ path, synchronous: 'full' })
  const [spent, revoked, live] = [refreshToken(), refreshToken({ subject: 'bob' }), accessToken({ clientId: 'app' })]
  for (const token of [spent, revoked, live]) await first.insert([token])
  const { access, refresh } = await rotate(first, spent, NOW + 1)
  await first.revoke({ subject: 'bob' }, NOW + 2, 'logout')
  await first.close()
  t.strictSame((await readdir(join(path, '..'))).sort(), ['tokens.db'], 'the log has been carried over')

  const second = openStore(t, path)
  for (const token of [access, refresh, live]) t.strictSame(await second.find(token.id), token)
  t.equal((await second.find(spent.id))?.spent?.successor, refresh.id)
  t.equal((await second.find(revoked.id))?.revokedAt, NOW + 2)
  t.strictSame(sorted(await second.countLive(NOW + 3)), ['app access 1', 'web access 1', 'web refresh 1'])
  t.equal(await second.insert([accessToken({ subject: 'bob' })]), false, 'the mark of the revocation too')
  t.strictSame(sorted(await second.revoke({ clientId: 'web' }, NOW + 3, 'admin')), ['web access 1', 'web refresh 1'])
})

t.test('odd texts come back as they were', async (t) => {
  const store = openStore(t, await newPath(t))
  const token = accessToken({
    clientId: 'a\nb',
    subject: "x'y\n\u{1f600}",
    family: 'f\t',
    scope: ['a"b', 'c']
  })
  await store.insert([token])
  t.strictSame(await store.find(token.id), token)
  t.strictSame(await store.revoke({ subject: 'x' }, NOW, 'admin'), [])
  t.strictSame(await store.revoke({ subject: token.subject ?? '' }, NOW, 'admin'), [
    { clientId: 'a\nb', type: 'access', count: 1 }
  ])
})

t.test('files and folders are for this user only, whatever the umask', async (t) => {
  const umask = process.umask(0)
  t.teardown(() => process.umask(umask))
  const path = join(await newFolder(t), 'data', 'deeper', 'tokens.db')
  const store = openStore(t, path)
  await store.insert([accessToken()])
  await store.keep('signing-key:RS256', 'secret')
  t.strictSame((await readdir(join(path, '..'))).sort(), [
    'tokens.db',
    'tokens.db-shm',
    'tokens.db-wal',
    'tokens.db.signing-key%3ARS256.key'
  ])
  for (const file of await readdir(join(path, '..'))) t.equal(await modeOf(join(path, '..', file)), '600', file)
  t.equal(await modeOf(join(path, '..')), '700')
  t.equal(await modeOf(join(path, '..', '..')), '700')
  t.equal(store.keepsPrivately, true)
})

t.test('a file that is there keeps the mode that it was given', async (t) => {
  const path = await newPath(t)
  await writeFile(path, '')
  await chmod(path, 0o640)
  openStore(t, path)
  t.equal(await modeOf(path), '640')
})

t.test('what is kept is beside the database, not in it, and outlives the process', async (t) => {
  const path = await newPath(t)
  const first = new SqliteStore({ path })
  t.equal(await first.keep('signing-key', 'a secret'), 'a secret')
  await first.close()
  t.notMatch(await readFile(path, 'latin1'), /a secret/)
  const second = openStore(t, path)
  t.equal(await second.keep('signing-key', 'another'), 'a secret')
  t.equal(await second.keep('../signing-key', 'elsewhere'), 'elsewhere')
  t.strictSame(
    (await readdir(join(path, '..'))).sort().filter((name) => name.endsWith('.key')),
    ['tokens.db...%2Fsigning-key.key', 'tokens.db.signing-key.key']
  )
})

t.test('a value that others may read or write, or that is elsewhere, is not trusted', async (t) => {
  const path = await newPath(t)
  const store = openStore(t, path)
  const file = `${path}.key.key`
  await store.keep('key', 'a secret')
  for (const mode of [0o640, 0o604, 0o620]) {
    await chmod(file, mode)
    await t.rejects(store.keep('key', 'another'), { message: /others than its owner may use it: chmod 600 it/ })
  }
  await chmod(file, 0o400)
  t.equal(await store.keep('key', 'another'), 'a secret')
  await symlink(file, `${path}.linked.key`)
  await t.rejects(store.keep('linked', 'another'), { code: 'ELOOP' })
})

t.test('an ended token whose ending another process has just forgotten is no token', async (t) => {
  const path = await newPath(t)
  const store = openStore(t, path)
  const token = accessToken()
  await store.insert([token])
  await store.revoke({ id: token.id }, NOW, 'admin')
  const other = new DatabaseSync(path)
  other.exec('DELETE FROM ending')
  other.close()
  t.equal(await store.find(token.id), undefined)
})

t.test('stores that keep a value at the same moment keep one', async (t) => {
  const path = await newPath(t)
  const stores = Array.from({ length: 4 }, () => openStore(t, path))
  const values = await Promise.all(
    Array.from({ length: 40 }, (_, index) => stores[index % 4]?.keep('key', `value ${index}`))
  )
  t.equal(new Set(values).size, 1)
  t.strictSame(
    (await readdir(join(path, '..'))).filter((name) => name.includes('.key')),
    ['tokens.db.key.key']
  )
})

t.test('a value that cannot be kept is an error, and nothing is left of it', async (t) => {
  const path = await newPath(t)
  const store = openStore(t, path)
  await mkdir(`${path}.key.key`, { mode: 0o700 })
  await t.rejects(store.keep('key', 'value'), { code: 'EISDIR' })
  await t.rejects(store.keep('k'.repeat(300), 'value'), { code: 'ENAMETOOLONG' })
  t.strictSame(
    (await readdir(join(path, '..'))).filter((name) => name.includes('.key')),
    ['tokens.db.key.key']
  )
})

t.test('close waits for what is under way; afterwards nothing is taken', async (t) => {
  const path = await newPath(t)
  const store = new SqliteStore({ path })
  const tokens = Array.from({ length: 300 }, () => accessToken())
  const known = accessToken()
  await store.insert([known])
  const inserted = Promise.all(tokens.map((token) => store.insert([token])))
  const counted = store.countLive(NOW)
  await Promise.all([store.close(), store.close()])
  t.strictSame(new Set(await inserted), new Set([true]))
  t.strictSame(sorted(await counted), ['web access 1'])
  const closed = { message: 'The token database has been closed' }
  await t.rejects(store.insert([accessToken()]), closed)
  await t.rejects(store.find('id'), closed)
  await t.rejects(rotate(store, refreshToken(), NOW), closed)
  await t.rejects(store.revoke({ subject: 'alice' }, NOW, 'admin'), closed)
  await t.rejects(store.revoke({ id: 'id' }, NOW, 'admin'), closed)
  await t.rejects(store.countLive(NOW), closed)
  await t.rejects(store.prune(NOW), closed)
  await t.rejects(store.keep('name', 'value'), closed)
  t.strictSame(sorted(await openStore(t, path).countLive(NOW)), ['web access 301'])
})

t.test('close waits for what is being looked up', async (t) => {
  const path = await newPath(t)
  const known = accessToken()
  const first = new SqliteStore({ path })
  await first.insert([known])
  await first.close()
  const second = new SqliteStore({ path })
  const found = Promise.all([second.find(known.id), second.find('unknown')])
  await second.close()
  t.strictSame(await found, [known, undefined])
})

t.test('one that fails among many takes none along, and leaves nothing', async (t) => {
  const store = openStore(t, await newPath(t))
  const impossible = accessToken({ issuedAt: Number.NaN })
  const [before, beside, after] = [accessToken(), accessToken({ clientId: 'app' }), accessToken()]
  const results = await Promise.allSettled([
    store.insert([before]),
    store.insert([beside, impossible]),
    store.insert([after])
  ])
  t.strictSame(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled']
  )
  t.equal(await store.find(beside.id), undefined)
  t.strictSame(await store.countLive(NOW), [
    { clientId: 'web', type: 'access', count: 2 },
    { clientId: 'web', type: 'refresh', count: 0 }
  ])
  await t.rejects(store.insert([impossible]), { message: /^The token database .* failed$/, cause: /NOT NULL/ })
})

t.test('what comes together shares a transaction', async (t) => {
  const path = await newPath(t)
  const store = openStore(t, path)
  await store.insert([accessToken()])
  const watcher = new DatabaseSync(path)
  t.teardown(() => watcher.close())
  const version = () => Number(watcher.prepare('PRAGMA data_version').get()?.data_version)
  const seen = new Set([version()])
  const inserts = Array.from({ length: 100 }, async () => {
    await store.insert([accessToken()])
    seen.add(version())
  })
  await Promise.all(inserts)
  t.equal(seen.size, 2, 'one commit for a hundred')
})
