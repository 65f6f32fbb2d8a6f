import type { TokenResponse } from './outcomes.ts'
import { open, seal } from './sealing.ts'
import type { Terms } from './terms.ts'

const PURPOSE = 'receipt'

/** The answer to a refresh, and what had been asked for. */
export interface Receipt extends Terms {
  readonly response: TokenResponse
}

/**
 * Seals the answer to a refresh so that only who holds the spent refresh token can open it: a grace window can then
 * return the same successor although no token is stored.
 */
export function sealReceipt(receipt: Receipt, refreshToken: string): string {
  return seal(JSON.stringify(receipt), refreshToken, PURPOSE)
}

/** What was sealed. @throws when it has not been sealed with this refresh token */
export function openReceipt(sealedReceipt: string, refreshToken: string): Receipt {
  return JSON.parse(open(sealedReceipt, refreshToken, PURPOSE))
}
