import t from 'tap'
import { MemoryStore } from '../../lib/index.ts'
import { testStore } from './conformance.ts'

await testStore(t, 'MemoryStore', async () => new MemoryStore())
