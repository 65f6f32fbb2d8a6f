import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { GroupRead } from '../../lib/stores/sqlite/group-read.ts'

t.test('where no reading can begin, all who asked are told', async (t) => {
  const database = new DatabaseSync(':memory:')
  t.teardown(() => database.close())
  const reads = new GroupRead(database)
  database.exec('BEGIN')
  const asked = [reads.run(() => 1), reads.run(() => 2)]
  for (const one of asked) await t.rejects(one, { message: 'cannot start a transaction within a transaction' })
  t.ok(database.isTransaction, 'and what another has begun goes on')
  database.exec('COMMIT')
  t.strictSame(await Promise.all([reads.run(() => 1), reads.run(() => 2)]), [1, 2])
})

t.test('what one reading throws is its own', async (t) => {
  const database = new DatabaseSync(':memory:')
  t.teardown(() => database.close())
  const reads = new GroupRead(database)
  const fails = () => {
    throw new Error('of its own')
  }
  const [one, two, three] = [reads.run(() => 1), reads.run(fails), reads.run(() => 3)]
  await t.rejects(two, { message: 'of its own' })
  t.strictSame(await Promise.all([one, three]), [1, 3])
  t.notOk(database.isTransaction)
})
