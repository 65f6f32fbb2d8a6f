import type { Kernel } from '../kernel.ts'
import type { Revocation } from '../outcomes.ts'
import type { Selector } from '../store.ts'
import { closedReason } from './revoke.ts'

/** Whose tokens to revoke (exactly one of the three), why, and who asks. */
export interface RevokeAllRequest {
  readonly subject?: string | undefined
  readonly family?: string | undefined
  readonly clientId?: string | undefined
  /** One of the revocation reasons; any other is recorded as `_OTHER`. */
  readonly reason: string
  /** Who asked: `user`, `admin`, a client id. On the span only. */
  readonly by: string
}

/** @throws TypeError unless exactly one of subject, family and clientId is a non-empty string */
function selectorOf({ subject, family, clientId }: RevokeAllRequest): Selector {
  const given = Object.entries({ subject, family, clientId }).filter(([, value]) => value !== undefined)
  const [first] = given
  if (given.length !== 1 || first === undefined || typeof first[1] !== 'string' || first[1] === '') {
    throw new TypeError('revokeAll needs exactly one of subject, family and clientId, a non-empty string')
  }
  if (subject !== undefined) return { subject }
  if (family !== undefined) return { family }
  return { clientId: first[1] }
}

/** Revokes every live token of a subject, a family or a client. Tokens minted meanwhile are dead too. */
export async function revokeAll(kernel: Kernel, request: RevokeAllRequest): Promise<Revocation> {
  const reason = closedReason(kernel, request.reason)
  const counts = await kernel.store.revoke(selectorOf(request), kernel.now(), reason)
  return { counts, reason, token: undefined }
}
