import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t, { type Test } from 'tap'
import { PostgresStore } from '../../lib/stores/postgres.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import { accessToken, NOW, refreshToken, rotate, sorted } from './conformance/tokens.ts'

/** As it would be in production: nothing is acknowledged that a loss of power could undo. */
const postgres = await startPostgres(t, { settings: { fsync: 'on' } })

const WORKERS = 8
const KILLS = 3
const UNREACHABLE =
  /^PostgresStore: (PostgreSQL cannot be reached|PostgreSQL is (starting|restarting|shutting)|the connection .* was lost)/

/** What a store has acknowledged, and how it has failed. */
interface Acknowledged {
  readonly inserted: Set<string>
  /** Spent tokens, each with its successor. */
  readonly spent: Map<string, string>
  readonly revokedFamilies: Set<string>
  readonly errors: Error[]
}

/** Issues, refreshes twice, revokes every other family, and carries on after errors. */
async function work(store: PostgresStore, known: Acknowledged, isOver: () => boolean): Promise<void> {
  for (let turn = 0; !isOver(); turn += 1) {
    let token = refreshToken({ subject: `user-${turn}` })
    const { family } = token
    try {
      await store.insert([token])
      known.inserted.add(token.id)
      for (let generation = 1; generation <= 2; generation += 1) {
        const { rotation, access, refresh } = await rotate(store, token, NOW + generation)
        if (!rotation.won) throw new Error('somebody else has spent it')
        known.spent.set(token.id, refresh.id)
        for (const { id } of [access, refresh]) known.inserted.add(id)
        token = refresh
      }
      if (turn % 2 === 1) continue
      await store.revoke({ family }, NOW + 9, 'logout')
      known.revokedFamilies.add(family)
    } catch (error) {
      known.errors.push(error as Error)
      await sleep(20)
    }
  }
}

/** A store on a pool whose errors nobody listens to: one that is not caught would end this process. */
async function open(t: Test, { url }: Postgres, schema: string): Promise<{ pool: pg.Pool; store: PostgresStore }> {
  const pool = new pg.Pool({ connectionString: url })
  const store = new PostgresStore({ pool, schema })
  t.teardown(async () => {
    await pool.end()
    await store.close()
  })
  await store.migrate()
  return { pool, store }
}

if (postgres !== undefined) {
  t.test('kill -9 under load: what was acknowledged is there, and the service returns by itself', async (t) => {
    const { pool, store } = await open(t, postgres, 'killed')
    const known: Acknowledged = { inserted: new Set(), spent: new Map(), revokedFamilies: new Set(), errors: [] }
    for (let kill = 1; kill <= KILLS; kill += 1) {
      let isOver = false
      const workers = Array.from({ length: WORKERS }, () => work(store, known, () => isOver))
      const [{ size: before }, enough] = [known.spent, 20 * WORKERS]
      while (known.spent.size < before + enough) await sleep(5)
      await postgres.kill()
      const { length: failed } = known.errors
      while (known.errors.length < failed + WORKERS) await sleep(5)
      await postgres.start()
      const { size: afterwards } = known.spent
      while (known.spent.size < afterwards + enough) await sleep(5)
      isOver = true
      await Promise.all(workers)
    }

    t.ok(known.errors.length >= KILLS * WORKERS, `${known.errors.length} errors`)
    t.strictSame(
      known.errors.filter(({ message }) => !UNREACHABLE.test(message)),
      []
    )
    t.comment(`${known.inserted.size} tokens, ${known.revokedFamilies.size} revocations`)
    for (const id of known.inserted) {
      const token = await store.find(id)
      if (token === undefined) t.fail('an acknowledged token is gone')
      else if (known.revokedFamilies.has(token.family) && token.spent === undefined && token.revokedAt === undefined) {
        t.fail('an acknowledged revocation is gone')
      }
    }
    for (const [id, successor] of known.spent) {
      if ((await store.find(id))?.spent?.successor !== successor) t.fail('an acknowledged rotation is gone')
    }
    const live = 'from killed.tokens where spent_at is null and revoked_at is null'
    const { rows: twice } = await pool.query(
      `select family ${live} and type = 'refresh' group by family having count(*) > 1`
    )
    t.strictSame(twice, [], 'no family has two live refresh tokens')
    const { rows } = await pool.query<{ count: string }>(`select 'web ' || type || ' ' || count(*) as count ${live}
      group by type order by type`)
    t.strictSame(
      sorted(await store.countLive(NOW)),
      rows.map(({ count }) => count),
      'and the counts are exact'
    )
  })

  t.test('while it is down every verb fails soon, and says so', async (t) => {
    const { store } = await open(t, postgres, 'down')
    const token = accessToken()
    await store.insert([token])
    await postgres.kill()
    t.teardown(() => postgres.start())
    const verbs: (() => Promise<unknown>)[] = [
      () => store.insert([refreshToken()]),
      () => store.find(token.id),
      () => rotate(store, token, NOW),
      () => store.revoke({ subject: 'alice' }, NOW, 'logout'),
      () => store.countLive(NOW),
      () => store.prune(NOW),
      () => store.keep('name', 'value'),
      () => store.migrate()
    ]
    const begun = performance.now()
    for (const verb of verbs) await t.rejects(verb(), { message: UNREACHABLE })
    t.ok(performance.now() - begun < 10_000)
  })
}
