import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { Races } from '../../lib/oauth/tokens/races.ts'

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
  const races = new Races()
  const grown = growth(() => {
    for (let index = 0; index < MANY; index += 1) races.enter(`token-${index}`, `successor-${index}`).end()
  })
  t.ok(grown < MIB, `${grown} bytes`)
  t.equal(races.enter('token-0', 'another').hasMet('successor-0'), false)
})

t.test('nor do attempts at one token of which there is always one under way', async (t) => {
  const races = new Races()
  const grown = growth(() => {
    let before = races.enter('token', 'successor')
    for (let index = 0; index < MANY; index += 1) {
      const attempt = races.enter('token', `successor-${index}`)
      before.end()
      before = attempt
    }
  })
  t.ok(grown < MIB, `${grown} bytes`)
  t.equal(races.enter('token', 'another').hasMet('successor-0'), false)
})
