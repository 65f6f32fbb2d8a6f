import t from 'tap'
import { clientAuthentication } from '../../lib/oauth/clients/authenticate.ts'
import { clientRegistry } from '../../lib/oauth/clients/clients.ts'

/** So long that hashing it is nearly all the work there is: what is skipped would show. */
const SECRET = 'x'.repeat(12_000)
const PAIRS = 1500

const now = () => 0
const authenticate = clientAuthentication(
  clientRegistry([{ id: 'known', secret: `${SECRET}y` }], []),
  { max: 1_000_000, window: 60 },
  now
)

async function cost(id: string): Promise<number> {
  const form = new Map([
    ['client_id', id],
    ['client_secret', SECRET]
  ])
  const start = process.hrtime.bigint()
  await authenticate({ authorization: [], form, source: '192.0.2.1' }).catch(() => {})
  return Number(process.hrtime.bigint() - start)
}

/** The chance that a sample of `left` is above one of `right`: 0.5 when nothing tells them apart (Mann-Whitney). */
function chanceAbove(left: readonly number[], right: readonly number[]): number {
  const sorted = Float64Array.from(right).sort()
  let above = 0
  for (const value of left) {
    let low = 0
    let high = sorted.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((sorted[middle] ?? 0) < value) low = middle + 1
      else high = middle
    }
    above += low
  }
  return above / (left.length * right.length)
}

t.test('A7: an unknown client costs the same work as a wrong secret', async (t) => {
  const samples: Record<string, number[]> = { known: [], unknown: [] }
  for (let pair = 0; pair < PAIRS; pair += 1) {
    const order = Math.random() < 0.5 ? ['known', 'unknown'] : ['unknown', 'known']
    for (const id of order) samples[id]?.push(await cost(id))
  }
  const chance = chanceAbove(samples.known ?? [], samples.unknown ?? [])
  t.ok(Math.abs(chance - 0.5) < 0.15, `a wrong secret takes longer than an unknown client with chance ${chance}`)
})
