import {
  MemoryStore,
  type Spending,
  type StoredToken,
  type Succession,
  spendingOf,
  successorsOf,
  type TokenStore
} from '../../lib/index.ts'

export type StoreVerb = 'insert' | 'find' | 'rotate' | 'revoke' | 'countLive' | 'prune'

type Moment = (verb: StoreVerb) => Promise<void>

const nothing: Moment = async () => {}

/** A store of our port, a MemoryStore unless another is given, that fails or waits on command, and tells what was asked of it. */
export class CommandedStore implements TokenStore {
  readonly #store: TokenStore
  /** The verbs, in the order they were asked for. */
  readonly calls: StoreVerb[] = []
  /** Every row as it was written, and every spending. */
  readonly written: (StoredToken | Spending)[] = []
  /** Runs before each verb; rejecting is an outage that changed nothing. */
  before: Moment = nothing
  /** Runs after each verb; rejecting is an answer that was lost on its way. */
  after: Moment = nothing

  constructor(store: TokenStore = new MemoryStore()) {
    this.#store = store
  }

  /** From now on every verb rejects, having changed nothing. */
  goDown(): void {
    this.before = async () => {
      throw new Error('connection refused')
    }
  }

  /** From now on calls of a verb wait for each other, until so many have come. */
  gather(verb: StoreVerb, count: number): void {
    const { promise: complete, resolve } = Promise.withResolvers<void>()
    let come = 0
    this.before = async (called) => {
      if (called !== verb) return
      come += 1
      if (come === count) resolve()
      await complete
    }
  }

  comeBack(): void {
    this.before = nothing
    this.after = nothing
  }

  insert(tokens: readonly StoredToken[]) {
    return this.#run('insert', () => {
      this.written.push(...tokens)
      return this.#store.insert(tokens)
    })
  }

  find(id: string) {
    return this.#run('find', () => this.#store.find(id))
  }

  rotate(id: string, clientId: string, succession: Succession) {
    return this.#run('rotate', async () => {
      const rotation = await this.#store.rotate(id, clientId, succession)
      if (rotation.won) this.written.push(...successorsOf(rotation.token, succession), spendingOf(succession))
      return rotation
    })
  }

  revoke(...args: Parameters<TokenStore['revoke']>) {
    return this.#run('revoke', () => this.#store.revoke(...args))
  }

  countLive(at: number) {
    return this.#run('countLive', () => this.#store.countLive(at))
  }

  prune(at: number) {
    return this.#run('prune', () => this.#store.prune(at))
  }

  keep(name: string, value: string) {
    return this.#store.keep(name, value)
  }

  close() {
    return this.#store.close()
  }

  /** How many live tokens of a type there are, past outages notwithstanding. */
  async live(type: StoredToken['type'], at: number): Promise<number> {
    const counts = await this.#store.countLive(at)
    return counts.filter((count) => count.type === type).reduce((sum, { count }) => sum + count, 0)
  }

  async #run<T>(verb: StoreVerb, run: () => Promise<T>): Promise<T> {
    this.calls.push(verb)
    await this.before(verb)
    const result = await run()
    await this.after(verb)
    return result
  }
}
