import { setTimeout as sleep } from 'node:timers/promises'
import { SqliteStore } from '../../lib/stores/sqlite.ts'
import { accessToken } from '../stores/conformance/tokens.ts'

/* A process that Node forbids threads: uses the file its argument names for longer than a thread would take to start. */

const [, , path = ''] = process.argv
process.on('warning', ({ message }) => console.log(message))
const store = new SqliteStore({ path })
const token = accessToken()
await store.insert([token])
await sleep(1000)
console.log(`found ${(await store.find(token.id))?.id === token.id}`)
await store.close()
