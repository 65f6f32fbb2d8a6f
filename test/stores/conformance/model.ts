import fc from 'fast-check'
import type { Test } from 'tap'
import type { Selector, StoredToken, TokenCount, TokenStore } from '../../../lib/index.ts'
import { accessToken, type CreateStore, NOW, rotate, sorted } from './tokens.ts'

const RUNS = 150
const STEPS = 60

/** The contract as one would first write it: every question walks through all tokens. */
class NaiveStore {
  readonly tokens = new Map<string, StoredToken>()
  readonly revocations: { selector: Selector; at: number }[] = []

  live(at: number): StoredToken[] {
    return [...this.tokens.values()].filter(
      ({ expiresAt, spent, revokedAt }) => at < expiresAt && spent === undefined && revokedAt === undefined
    )
  }

  insert(tokens: readonly StoredToken[]): boolean {
    const caught = tokens.some(({ subject, clientId, issuedAt }) =>
      this.revocations.some(
        ({ selector, at }) =>
          at > issuedAt &&
          (('subject' in selector && selector.subject === subject) ||
            ('clientId' in selector && selector.clientId === clientId))
      )
    )
    if (!caught) for (const token of tokens) this.tokens.set(token.id, token)
    return !caught
  }

  revoke(selector: Selector, at: number): TokenCount[] {
    this.revocations.push({ selector, at })
    const [[key, value] = []] = Object.entries(selector)
    const killed = this.live(at).filter((token) => Object.entries(token).some(([k, v]) => k === key && v === value))
    for (const token of killed) this.tokens.set(token.id, { ...token, revokedAt: at })
    return countsOf(killed)
  }

  prune(at: number): TokenCount[] {
    const gone = [...this.tokens.values()].filter(({ expiresAt }) => at >= expiresAt)
    for (const { id } of gone) this.tokens.delete(id)
    return countsOf(gone.filter(({ spent, revokedAt }) => spent === undefined && revokedAt === undefined))
  }
}

function countsOf(tokens: readonly StoredToken[]): TokenCount[] {
  const of = (clientId: string, type: StoredToken['type']) =>
    tokens.filter((token) => token.clientId === clientId && token.type === type).length
  return [...new Set(tokens.map(({ clientId }) => clientId))].flatMap((clientId) => [
    { clientId, type: 'access' as const, count: of(clientId, 'access') },
    { clientId, type: 'refresh' as const, count: of(clientId, 'refresh') }
  ])
}

/** Few names and few tokens, so that they meet; a step may let time pass. */
const step = fc.record({
  operation: fc.constantFrom('insert', 'insert', 'insert', 'rotate', 'rotate', 'revoke', 'count', 'prune'),
  selector: fc.constantFrom('id', 'family', 'subject', 'clientId'),
  clientId: fc.constantFrom('web', 'app'),
  subject: fc.constantFrom('alice', 'bob', undefined),
  ttl: fc.integer({ min: 1, max: 40 }),
  lag: fc.constantFrom(0, 0, 0.25, 3),
  pick: fc.nat(1000),
  pass: fc.constantFrom(0, 0, 0.25, 1, 7.5, 30)
})

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** Does one step to both, and compares what they say. */
async function take(t: Test, store: TokenStore, model: NaiveStore, step: Step, at: number): Promise<void> {
  const { clientId, subject, ttl, lag } = step
  const known = [...model.tokens.values()]
  const token = known[step.pick % known.length]
  switch (step.operation) {
    case 'insert': {
      const issuedAt = at - lag
      const expiresAt = Math.floor(issuedAt) + ttl
      if (expiresAt <= at) return
      const access = accessToken({ clientId, subject, issuedAt, expiresAt })
      const refresh = accessToken({ ...access, id: `${access.id}-refresh`, type: 'refresh' })
      t.equal(await store.insert([access, refresh]), model.insert([access, refresh]))
      return
    }
    case 'rotate': {
      if (token === undefined) return
      const won = token.type === 'refresh' && model.live(at).includes(token)
      const { rotation, access, refresh } = await rotate(store, token, at)
      t.strictSame(rotation, { won, token })
      if (!won) return
      const spent = { at, successor: refresh.id, trace: undefined, receipt: undefined }
      model.tokens.set(token.id, { ...token, spent })
      for (const successor of [access, refresh]) model.tokens.set(successor.id, successor)
      return
    }
    case 'revoke': {
      const value = token?.[step.selector]
      if (value === undefined) return
      const selector = { [step.selector]: value } as Selector
      t.strictSame(sorted(await store.revoke(selector, at, 'admin')), sorted(model.revoke(selector, at)))
      return
    }
    case 'prune':
      t.strictSame(sorted(await store.prune(at)), sorted(model.prune(at)))
      return
    default:
      t.strictSame(sorted(await store.countLive(at)), sorted(countsOf(model.live(at))))
  }
}

/** What a look at once is for: whether a token is live, and whose it is. */
function stateOf(token: StoredToken | undefined) {
  return [token?.id, token?.clientId, token?.type, token?.expiresAt, token?.spent, token?.revokedAt]
}

/** Random histories: whatever is asked, the store answers as the naive one does. */
export async function testAgainstModel(t: Test, createStore: CreateStore): Promise<void> {
  await t.test('random histories: the store says what a naive one says', async (t) => {
    const property = fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: STEPS }), async (history) => {
      const store = await createStore(t)
      const model = new NaiveStore()
      let at = NOW
      for (const step of history) {
        at += step.pass
        await take(t, store, model, step, at)
      }
      t.strictSame(sorted(await store.countLive(at)), sorted(countsOf(model.live(at))))
      for (const token of model.tokens.values()) {
        t.strictSame(await store.find(token.id), token)
        if (store.peek !== undefined) t.strictSame(stateOf(store.peek(token.id)), stateOf(token), 'at a glance, too')
      }
      await store.close()
      if (!t.passing()) throw new Error(`it differs: ${JSON.stringify(history)}`)
    })
    await fc.assert(property, { numRuns: RUNS, endOnFailure: true })
  })
}
