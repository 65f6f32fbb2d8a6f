import { SqliteStore } from '../../lib/stores/sqlite.ts'
import { accessToken } from '../stores/conformance/tokens.ts'

/* One of several processes on the file its argument names: opens it, keeps a key, inserts a hundred tokens, and ends. */

const [, , path = ''] = process.argv
const store = new SqliteStore({ path })
const kept = await store.keep('key', `of process ${process.pid}`)
for (let inserted = 0; inserted < 100; inserted += 1) await store.insert([accessToken()])
await store.close()
process.send?.({ kept }, () => process.disconnect())
