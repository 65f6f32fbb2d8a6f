import { open, seal } from './sealing.ts'
import type { AccessSuccessor } from './succession.ts'

const PURPOSE = 'receipt'

/** What it takes to answer a refresh again, beside what is stored. */
export interface Receipt {
  /** The refresh token that replaced the spent one. */
  readonly refreshToken: string
  readonly access: AccessSuccessor
}

/**
 * Seals it so that only who holds the spent refresh token can open it: a grace window can then return the same successor
 * although no token is stored.
 */
export function sealReceipt(receipt: Receipt, refreshToken: string): string {
  return seal(JSON.stringify(receipt), refreshToken, PURPOSE)
}

/** What was sealed; `undefined` when it has not been sealed with this refresh token. */
export function openReceipt(sealedReceipt: string, refreshToken: string): Receipt | undefined {
  try {
    return JSON.parse(open(sealedReceipt, refreshToken, PURPOSE))
  } catch {
    return undefined
  }
}
