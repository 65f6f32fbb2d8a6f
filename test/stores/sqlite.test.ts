import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { SqliteStore } from '../../lib/stores/sqlite.ts'
import { testStore } from './conformance.ts'

const folder = await mkdtemp(join(tmpdir(), 'sqlite-store-'))
t.teardown(() => rm(folder, { recursive: true }))
let files = 0

await testStore(t, 'SqliteStore', async () => new SqliteStore({ path: join(folder, `${files++}.db`) }))
