import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import type { TokenResponse } from './outcomes.ts'
import type { Terms } from './terms.ts'

const ALGORITHM = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** The answer to a refresh, and what had been asked for. */
export interface Receipt extends Terms {
  readonly response: TokenResponse
}

const keyFrom = (refreshToken: string): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', refreshToken, '', 'fastify-oauth-telemetry receipt', 32))

/**
 * Seals the answer to a refresh so that only who holds the spent refresh token can open it: a grace window can then
 * return the same successor although no token is stored.
 */
export function sealReceipt(receipt: Receipt, refreshToken: string): string {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(ALGORITHM, keyFrom(refreshToken), nonce)
  const sealed = Buffer.concat([cipher.update(JSON.stringify(receipt), 'utf8'), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url')
}

/** What was sealed. @throws when it has not been sealed with this refresh token */
export function openReceipt(sealedReceipt: string, refreshToken: string): Receipt {
  const bytes = Buffer.from(sealedReceipt, 'base64url')
  const decipher = createDecipheriv(ALGORITHM, keyFrom(refreshToken), bytes.subarray(0, NONCE_BYTES))
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
  const opened = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()])
  return JSON.parse(opened.toString('utf8'))
}
