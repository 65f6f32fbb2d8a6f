import type { Kernel } from '../kernel.ts'
import type { Revocation } from '../outcomes.ts'
import { closedReason, type RevocationReason } from '../revocation-reasons.ts'
import { assertStorable } from '../store/storable.ts'
import type { Selector } from '../store/store.ts'
import { isLive, type StoredToken } from '../tokens/token.ts'

/** Whose tokens to revoke (exactly one of the three), why, and who asks. */
export interface RevokeAllRequest {
  readonly subject?: string | undefined
  readonly family?: string | undefined
  readonly clientId?: string | undefined
  /** One of the revocation reasons; any other is recorded as `_OTHER`. */
  readonly reason: RevocationReason
  /** Who asked: `user`, `admin`, a client id. In events, spans and logs; never a metric's label. */
  readonly by: string
}

/** The same after a reuse. */
export interface ReuseRevocation extends RevokeAllRequest {
  /**
   * The token that was reused. The others of its user die only if its family was still alive: a token that is replayed
   * again and again says nothing new, and must not become a way to log its user out for ever.
   */
  readonly reused?: StoredToken | undefined
}

/** @throws TypeError unless exactly one of subject, family and clientId is a non-empty string of well-formed Unicode */
function selectorOf({ subject, family, clientId }: RevokeAllRequest): Selector {
  const given = Object.entries({ subject, family, clientId }).filter(([, value]) => value !== undefined)
  const [first] = given
  if (given.length !== 1 || first === undefined || typeof first[1] !== 'string' || first[1] === '') {
    throw new TypeError('revokeAll needs exactly one of subject, family and clientId, a non-empty string')
  }
  assertStorable(first[0], first[1])
  if (subject !== undefined) return { subject }
  if (family !== undefined) return { family }
  return { clientId: first[1] }
}

/** Revokes every live token of a subject, a family or a client. Tokens minted meanwhile are dead too. */
export async function revokeAll(kernel: Kernel, request: ReuseRevocation): Promise<Revocation> {
  const selector = selectorOf(request)
  const reason = closedReason(kernel, request.reason)
  const revoke = (which: Selector) => kernel.store.revoke(which, kernel.now(), reason)

  const { reused } = request
  // The family dies with its user and not before: if that fails, the next replay finds it alive, and tries again.
  if (reused === undefined || (await hasLiveDescendant(kernel, reused))) {
    return { counts: await revoke(selector), reason, token: undefined }
  }
  const ofFamily = await revoke({ family: reused.family })
  const ofOthers = ofFamily.length === 0 ? [] : await revoke(selector)
  return { counts: [...ofFamily, ...ofOthers], reason, token: undefined }
}

/** A reuse looks at so many descendants of a token, one after the other. */
const GENERATIONS = 32

/** Whether the refresh token that a spent one has become is seen to be live; there may be more than are looked at. */
async function hasLiveDescendant({ store, now }: Kernel, spent: StoredToken): Promise<boolean> {
  let token: StoredToken | undefined = spent
  for (let generation = 0; token?.spent !== undefined && generation < GENERATIONS; generation += 1) {
    token = await store.find(token.spent.successor)
  }
  return token !== undefined && isLive(token, now())
}
