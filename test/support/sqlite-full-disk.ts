import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SqliteStore } from '../../lib/stores/sqlite.ts'
import { accessToken, NOW, refreshToken, rotate } from '../stores/conformance/tokens.ts'

/*
 * Fills the disk that its argument is a folder of, gives some room back, and prints what a store on it said. It is run on
 * a disk of its own.
 */

const [, , disk = ''] = process.argv
const ballast = join(disk, 'ballast')
await writeFile(ballast, Buffer.alloc(512 * 1024))

const store = new SqliteStore({ path: join(disk, 'tokens.db') })
const spendable = refreshToken()
await store.insert([spendable])

/** What an operation rejects with. */
const failureOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    (error: Error) => error.message
  )

const acknowledged: string[] = [spendable.id]
const refused: string[] = []
let failure = ''
while (refused.length < 3) {
  const pairs = Array.from({ length: 20 }, () => [accessToken(), refreshToken()] as const)
  const results = await Promise.allSettled(pairs.map((pair) => store.insert(pair)))
  for (const [index, result] of results.entries()) {
    const ids = pairs[index]?.map(({ id }) => id) ?? []
    if (result.status === 'fulfilled') acknowledged.push(...ids)
    else refused.push(...ids)
    if (result.status === 'rejected') failure = result.reason.message
  }
}

const findAll = async (ids: readonly string[]): Promise<number> =>
  (await Promise.all(ids.map((id) => store.find(id)))).filter((token) => token !== undefined).length

const whileFull = {
  failure,
  acknowledged: acknowledged.length,
  refused: refused.length,
  found: await findAll(acknowledged),
  foundRefused: await findAll(refused),
  live: (await store.countLive(NOW)).reduce((sum, { count }) => sum + count, 0),
  keep: await failureOf(store.keep('key', 'x'.repeat(4096)))
}
await rm(ballast)
const { rotation } = await rotate(store, spendable, NOW + 1)
const live = (await store.countLive(NOW + 1)).reduce((sum, { count }) => sum + count, 0)
await store.close()
console.log(JSON.stringify({ ...whileFull, rotation, liveAfterwards: live }))
