import type { Kernel } from './kernel.ts'

/** Why a token died before its end; extended only by the `revocationReasons` option. */
export const REVOCATION_REASONS = [
  'client_request',
  'logout',
  'security_incident',
  'code_reuse',
  'admin',
  'superseded',
  '_OTHER'
] as const

/** A reason that is always there, or one of the `revocationReasons` option. */
export type RevocationReason = (typeof REVOCATION_REASONS)[number] | (string & {})

/** The reason as telemetry may carry it: one of the closed set. */
export function closedReason({ rules }: Kernel, reason: RevocationReason): RevocationReason {
  return rules.revocationReasons.has(reason) ? reason : '_OTHER'
}
