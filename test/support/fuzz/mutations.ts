import fc from 'fast-check'
import { ISSUER } from '../server.ts'

/** One byte per character, as headers are on the wire. */
const bytes = (text: string): string => Buffer.from(text).toString('latin1')

const SPECIAL = [
  ...['\t', ' ', '  ', ',', ';', ':', '=', '"', '\\', '.', '&', '+', '%', '%00', '%zz', '%ff', '%u2603', '%0d%0a'],
  ...['\0', '\r', '\n', '\x7f', '\x80', '\xff', '[', ']', '__proto__', 'constructor', 'Bearer ', 'Basic ', 'null'],
  ...[bytes('é'), bytes('☃'), bytes('😀'), bytes('\u202e'), bytes('\ufeff'), '{{7*7}}', "' OR 1=1 --"]
]

const KINDS = ['flip', 'remove', 'insert', 'repeat', 'truncate', 'grow', 'swap'] as const

/** What is done to a text, where, and how much of it. */
const mutation = fc.tuple(fc.constantFrom(...KINDS), fc.nat(16_000), fc.nat(255))

type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never

function mutate(text: string, [kind, place, amount]: Mutation): string {
  const at = place % (text.length + 1)
  const [before, after] = [text.slice(0, at), text.slice(at)]
  switch (kind) {
    case 'flip':
      return after === ''
        ? text
        : before + String.fromCharCode(after.charCodeAt(0) ^ (1 << (amount % 8))) + after.slice(1)
    case 'remove':
      return before + after.slice(1 + (amount % 32))
    case 'insert':
      return before + SPECIAL[amount % SPECIAL.length] + after
    case 'repeat':
      return before + after.slice(0, amount) + after
    case 'truncate':
      return before
    case 'grow':
      return before + 'A'.repeat(amount * 40) + after
    default:
      return after + before
  }
}

/** One of the texts, mutated up to five times; now and then not at all. */
export function mutated(texts: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(texts, fc.array(mutation, { maxLength: 5, size: 'max' }))
    .map(([text, mutations]) => mutations.reduce(mutate, text))
}

/** Any bytes at all. */
export const noise: fc.Arbitrary<string> = fc
  .uint8Array({ maxLength: 60 })
  .map((array) => Buffer.from(array).toString('latin1'))

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

const oddity = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1, 1e308, '', '__proto__', '../../dev/null', [], {}, ['a'], {
    a: { b: [] }
  }),
  fc.string({ unit: 'binary', maxLength: 20 })
)

/** Forged tokens: well-formed JSON of every kind, with the key id and the signature of a genuine one or of none. */
export function forgedTokens(genuine: string): fc.Arbitrary<string> {
  const [header = '', payload = '', signature = ''] = genuine.split('.')
  const parse = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
  const odd = (value: unknown) =>
    fc.option(fc.oneof({ weight: 3, arbitrary: fc.constant(value) }, oddity), { nil: undefined })
  const { kid } = parse(header)
  const claims = parse(payload)
  return fc
    .tuple(
      fc.record({
        alg: fc.oneof(fc.constantFrom('ES256', 'ES256', 'ES256', 'none', 'NONE', 'HS256', 'RS256'), oddity),
        kid: odd(kid),
        typ: odd('at+jwt'),
        crit: fc.option(oddity, { nil: undefined, freq: 8 }),
        jwk: fc.option(oddity, { nil: undefined, freq: 8 })
      }),
      fc.record({
        iss: odd(ISSUER),
        aud: odd(claims.aud),
        exp: odd(claims.exp),
        sub: odd('alice'),
        client_id: odd('web'),
        jti: odd(claims.jti),
        scope: odd('orders:read')
      }),
      fc.constantFrom(signature, signature, '', 'AAAA', '!')
    )
    .map(([head, body, end]) => `${encode(head)}.${encode(body)}.${end}`)
}

/** Room for all values of one request; Node's own limit is 16 KiB for all headers. */
const ROOM = 12_000

/** Headers as Node lets them through: no control characters but TAB, and not too much of them. */
export function asHeaders(name: string, values: readonly string[]): (readonly [string, string])[] {
  const each = Math.floor(ROOM / values.length)
  return values.map((value) => [name, value.slice(0, each).replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '?')])
}
