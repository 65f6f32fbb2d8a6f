import t from 'tap'
import { newRefreshToken, newTokenId, PLACES, placeOf, refreshTokenId } from '../../lib/oauth/tokens/token-id.ts'

const NOW = 1_800_000_000.5

t.test('the ids of a family name one place, those of all families all places', async (t) => {
  const places = new Set<string | undefined>()
  for (let round = 0; round < 2000; round += 1) {
    const family = newTokenId(NOW)
    places.add(placeOf(family))
    for (const id of [newTokenId(NOW + round, family), refreshTokenId(newRefreshToken(NOW + round, family))]) {
      t.equal(placeOf(id), placeOf(family))
    }
  }
  t.strictSame([...places].sort(), PLACES)
})

t.test('ids sort by the second they were made in', async (t) => {
  const seconds = [0, 31, 32, 1023, 1024, 1_800_000_000, 1_800_000_001, 32 ** 7 - 1]
  const ids = seconds.map((second) => newTokenId(second))
  t.strictSame(ids.toSorted(), ids)
})

t.test('what was never ours has an id, which names no place', async (t) => {
  for (const token of ['', 'opaque', 'ABCDEFGHIJKLMNOP', '1lkb8o0']) {
    t.match(refreshTokenId(token), /^[\w-]{43}$/)
  }
  t.equal(placeOf(''), undefined)
  t.equal(placeOf('__proto__'), undefined)
  for (const strange of [newTokenId(NOW, 'of an application'), newRefreshToken(NOW, 'of an application')]) {
    t.equal(placeOf(strange), '0', 'a strange family has a place, too, and one only')
  }
})
