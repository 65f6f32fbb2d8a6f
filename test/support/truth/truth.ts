import assert from 'node:assert/strict'
import { isLive } from '../../../lib/oauth/tokens/token.ts'
import { refreshTokenId } from '../../../lib/oauth/tokens/token-id.ts'
import { scrape } from '../metrics.ts'
import { tokenSamples } from './expected-metrics.ts'
import type { ModelToken } from './ledger.ts'
import { jtiOf, type World } from './world.ts'

const idOf = ({ type, value }: ModelToken): string => (type === 'access' ? jtiOf(value) : refreshTokenId(value))

/**
 * Every number on `/metrics` is the model's, the store has every token as the model has it and none that was forgotten,
 * and no family has two live refresh tokens.
 */
export async function assertTruth({ running: { server, store }, clock, model: { ledger } }: World): Promise<void> {
  ledger.prune()
  const scraped = await scrape(server)
  assert.deepEqual(tokenSamples(scraped), ledger.metrics.samples(ledger.active(), scraped))

  const found = await Promise.all(ledger.tokens.map((token) => store.find(idOf(token))))
  const state = (token: { spent: unknown } | undefined, isRevoked: boolean, lives: boolean) =>
    token === undefined ? 'forgotten' : token.spent ? 'spent' : isRevoked ? 'revoked' : lives ? 'live' : 'expired'
  assert.deepEqual(
    found.map((token) =>
      state(token, token?.revokedAt !== undefined, token !== undefined && isLive(token, clock.now()))
    ),
    ledger.tokens.map((token) => state(token.forgotten ? undefined : token, token.revoked, ledger.isLive(token)))
  )
  const alive = found.filter((token) => token?.type === 'refresh' && isLive(token, clock.now()))
  const families = alive.map((token) => token?.family)
  assert.equal(new Set(families).size, families.length, 'no family has two live refresh tokens')
}
