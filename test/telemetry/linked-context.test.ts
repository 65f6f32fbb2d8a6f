import { type Context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api'
import t from 'tap'
import { LinkedContext } from '../../lib/telemetry/linked-context.ts'

const [first, second, third] = ['first', 'second', 'third'].map(createContextKey) as [symbol, symbol, symbol]

const valuesOf = (of: Context) => [first, second, third].map((key) => of.getValue(key))

t.test("a linked context keeps and gives values as OpenTelemetry's own does", async (t) => {
  const ground = ROOT_CONTEXT.setValue(first, 1)
  for (const begin of [ground, new LinkedContext(ground)]) {
    const grown = begin.setValue(second, 2)
    const replaced = grown.setValue(first, 'one').setValue(third, undefined)
    const reduced = replaced.deleteValue(second).deleteValue(first)
    t.strictSame(valuesOf(begin), [1, undefined, undefined])
    t.strictSame(valuesOf(grown), [1, 2, undefined])
    t.strictSame(valuesOf(replaced), ['one', 2, undefined])
    t.strictSame(valuesOf(reduced), [undefined, undefined, undefined])
    t.strictSame(valuesOf(reduced.setValue(second, 'again')), [undefined, 'again', undefined])
  }
})
