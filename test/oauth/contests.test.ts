import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { Contests } from '../../lib/oauth/contests.ts'

const MANY = 100_000
const MIB = 1024 * 1024

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

/** By how many bytes what is in use has grown. */
function growth(work: () => void): number {
  collectGarbage()
  const { heapUsed } = process.memoryUsage()
  work()
  collectGarbage()
  return process.memoryUsage().heapUsed - heapUsed
}

t.test('attempts at many tokens leave nothing behind when they have ended', async (t) => {
  const contests = new Contests()
  const grown = growth(() => {
    for (let index = 0; index < MANY; index += 1) contests.enter(`token-${index}`, `successor-${index}`).end()
  })
  t.ok(grown < MIB, `${grown} bytes`)
  t.equal(contests.enter('token-0', 'another').hasMet('successor-0'), false)
})

t.test('nor do attempts at one token of which there is always one under way', async (t) => {
  const contests = new Contests()
  const grown = growth(() => {
    let before = contests.enter('token', 'successor')
    for (let index = 0; index < MANY; index += 1) {
      const attempt = contests.enter('token', `successor-${index}`)
      before.end()
      before = attempt
    }
  })
  t.ok(grown < MIB, `${grown} bytes`)
  t.equal(contests.enter('token', 'another').hasMet('successor-0'), false)
})
