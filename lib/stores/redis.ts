import type { Rotation, Selector, TokenStore } from '../oauth/store/store.ts'
import { type Succession, spendingOf } from '../oauth/tokens/succession.ts'
import type { StoredToken, TokenCount } from '../oauth/tokens/token.ts'
import { PLACES, placeOf } from '../oauth/tokens/token-id.ts'
import { type RedisClient, run, type Script } from './redis/client.ts'
import { failure } from './redis/failure.ts'
import { commonPlace, indexHead, keptKey, markKey, placeKeys, placesOf, rowKey } from './redis/keys.ts'
import { checked, type RedisStoreOptions } from './redis/options.ts'
import { fromCountField, fromRow, toCountField, toLastLine, toRow, toTermsLine, toTraceLine } from './redis/row.ts'
import { COUNT_LIVE, FIND, INSERT, KEEP, PRUNE, REVOKE, ROTATE } from './redis/scripts.ts'
import { TokenCounts } from './token-counts.ts'

export type { IoredisClient, NodeRedisClient, RedisClient } from './redis/client.ts'
export type { RedisStoreOptions } from './redis/options.ts'

/**
 * So many tokens at most are visited by one run of a script, for which everybody waits. Measured on two busy cores:
 * to revoke so many took 4 ms (median), 12 at the longest; to count or to prune them less than 5. A server that has to
 * wait for a core takes longer: 100 ms have been seen.
 */
const BATCH = 100

/**
 * Keeps tokens in Redis 7 or Valkey 7.2, one server or a cluster. Each verb is one script in one slot and one round
 * trip; revoking all of a subject or a client, counting and pruning visit 32 places, all at once.
 *
 * As durable as the server is configured: with AOF and `appendfsync always` an acknowledged write survives; with
 * `everysec` a crash may take the last three seconds; without AOF all since the last snapshot is lost.
 * Replication is asynchronous, so a failover may lose the last writes: a token just issued is unknown then, one just
 * revoked or spent is alive again. `min-replicas-to-write` bounds it, and even `WAIT` would not rule it out. Needs
 * `maxmemory-policy noeviction`.
 *
 * @throws TypeError for wrong options
 */
export class RedisStore implements TokenStore {
  readonly #client: RedisClient
  readonly #prefix: string
  /** What has been pruned and not told yet: where one place fails, the next call tells it of the others. */
  readonly #pruned = new TokenCounts()

  constructor(options: RedisStoreOptions) {
    const { client, prefix } = checked(options)
    this.#client = client
    this.#prefix = prefix
  }

  /** @throws TypeError (a rejection) when the ids do not name one place */
  async insert(tokens: readonly StoredToken[]): Promise<boolean> {
    if (tokens.length === 0) return true
    const place = commonPlace(tokens)
    const keys = [...placeKeys(this.#prefix, place), ...this.#rowKeys(place, tokens)]
    const earliest = Math.min(...tokens.map(({ issuedAt }) => issuedAt))
    return (await this.#run('insert', INSERT, keys, [earliest, ...rows(tokens)])) === '1'
  }

  async find(id: string): Promise<StoredToken | undefined> {
    const place = placeOf(id)
    if (place === undefined) return undefined
    const row = await this.#run('find', FIND, [rowKey(this.#prefix, place, id)], [])
    return row === null ? undefined : fromRow(id, row)
  }

  /** @throws TypeError (a rejection) when the ids do not name one place */
  async rotate(id: string, clientId: string, succession: Succession): Promise<Rotation> {
    if (placeOf(id) === undefined) return { won: false, token: undefined }
    const { at, trace, access, refresh } = succession
    const written = [{ id }, access, refresh]
    const place = commonPlace(written)
    const keys = [...placeKeys(this.#prefix, place), ...this.#rowKeys(place, written)]
    const terms = access.terms === undefined ? '' : toTermsLine(access.terms)
    const args = [
      ...[at, id, toCountField('refresh', clientId), toLastLine(spendingOf(succession)), toTraceLine(trace)],
      ...[access.id, access.expiresAt, terms],
      ...[refresh.id, refresh.expiresAt]
    ]
    const answer = await this.#run('rotate', ROTATE, keys, args)
    if (answer === null) return { won: false, token: undefined }
    return { won: answer.startsWith('1'), token: fromRow(id, answer.slice(1)) }
  }

  async revoke(selector: Selector, at: number, _reason: string): Promise<readonly TokenCount[]> {
    const head = 'id' in selector ? '' : indexHead(selector)
    const marksIn = (place: string) => (head === '' ? [] : [markKey(this.#prefix, place, head)])
    const revoked = new TokenCounts()
    await this.#visit('revoke', REVOKE, placesOf(selector), marksIn, [at, BATCH, head, tokenOf(selector)], revoked)
    return revoked.positive()
  }

  async countLive(at: number): Promise<readonly TokenCount[]> {
    const live = new TokenCounts()
    await this.#visit('count', COUNT_LIVE, PLACES, () => [], [at, BATCH], live)
    return live.all()
  }

  async prune(at: number): Promise<readonly TokenCount[]> {
    await this.#visit('prune', PRUNE, PLACES, () => [], [at, BATCH], this.#pruned)
    const pruned = this.#pruned.positive()
    this.#pruned.clear()
    return pruned
  }

  async keep(name: string, value: string): Promise<string> {
    return String(await this.#run('keep', KEEP, [keptKey(this.#prefix, name)], [value]))
  }

  /** Leaves the client alone: it is its maker's to end. */
  async close(): Promise<void> {}

  /** Runs a script in several places at once, and in each of them again while there is more to do. */
  async #visit(
    verb: string,
    script: Script,
    places: readonly string[],
    keysIn: (place: string) => string[],
    args: readonly (string | number)[],
    counts: TokenCounts
  ): Promise<void> {
    await Promise.all(
      places.map(async (place) => {
        const keys = [...placeKeys(this.#prefix, place), ...keysIn(place)]
        let hasMore = true
        while (hasMore) {
          const [more, ...lines] = String(await this.#run(verb, script, keys, args)).split('\n')
          addLines(counts, lines)
          hasMore = more === '1'
        }
      })
    )
  }

  async #run(verb: string, script: Script, keys: string[], args: readonly (string | number)[]): Promise<string | null> {
    try {
      return await run(this.#client, script, { keys, arguments: args.map(String) })
    } catch (error) {
      throw failure(verb, error)
    }
  }

  #rowKeys(place: string, tokens: readonly Pick<StoredToken, 'id'>[]): string[] {
    return tokens.map(({ id }) => rowKey(this.#prefix, place, id))
  }
}

/** Adds the lines of an answer: by turns a field and its count. */
function addLines(counts: TokenCounts, lines: readonly string[]): void {
  for (let index = 0; index + 1 < lines.length; index += 2) {
    const [field = '', count] = lines.slice(index, index + 2)
    const { clientId, type } = fromCountField(field)
    counts.add(clientId, type, Number(count))
  }
}

/** Tokens as scripts take them: by turns an id and its row. */
function rows(tokens: readonly StoredToken[]): string[] {
  return tokens.flatMap((token) => [token.id, toRow(token)])
}

/** The token that a selector names, or that a family would be named after. */
function tokenOf(selector: Selector): string {
  if ('id' in selector) return selector.id
  return 'family' in selector ? selector.family : ''
}
