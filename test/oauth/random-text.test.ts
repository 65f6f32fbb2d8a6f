import t from 'tap'
import { randomText } from '../../lib/oauth/tokens/random-text.ts'

t.test('a text is of as many bytes as were asked for, whatever has been given before', async (t) => {
  for (const bytes of [1, 16, 17, 4079, 4096, 1, 4096, 32]) {
    t.equal(Buffer.from(randomText(bytes), 'base64url').length, bytes)
  }
})

t.test('more bytes than there are at once are refused, rather than fewer given', async (t) => {
  t.throws(() => randomText(4097), RangeError)
})

t.test('what has been given is not in the memory that small buffers share', async (t) => {
  const shared = Buffer.from(Buffer.from('any').buffer)
  const bytes = Buffer.alloc(32)
  bytes.write(randomText(32), 'base64url')
  t.notOk(shared.includes(bytes))
})

t.test('no eight bytes of many texts are the same', async (t) => {
  const bytes = Buffer.concat(Array.from({ length: 5000 }, () => Buffer.from(randomText(33), 'base64url')))
  const pieces = Array.from({ length: bytes.length - 7 }, (_, at) => bytes.toString('latin1', at, at + 8))
  t.equal(new Set(pieces).size, pieces.length)
})
