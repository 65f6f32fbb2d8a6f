import { type Names, noneLost, onlyKnown } from '../properties.ts'
import { assertScopeTokens } from '../tokens/scope.ts'
import type { GrantDecision } from './grant.ts'

const PROPERTIES: Names<GrantDecision> = {
  subject: true,
  scope: true,
  refreshable: true,
  claims: true
}

/**
 * A decision as it was meant. A subject that got lost, or is misspelt, would make a user's token one of the client's own
 * (RFC 9068 section 5).
 *
 * @param where who decided
 * @throws TypeError naming what is wrong
 */
export function assertDecision(where: string, decision: GrantDecision | undefined): asserts decision is GrantDecision {
  if (typeof decision !== 'object' || decision === null) throw new TypeError(`${where} did not decide`)
  onlyKnown(where, decision, PROPERTIES)
  noneLost(where, decision, ['subject'], 'for a client that acts for itself')
  const { scope, refreshable } = decision
  if (scope !== undefined) {
    if (!Array.isArray(scope)) throw new TypeError(`${where}: scope must be an array of scope tokens`)
    assertScopeTokens(where, scope)
  }
  if (refreshable !== undefined && typeof refreshable !== 'boolean') {
    throw new TypeError(`${where}: refreshable must be true or false`)
  }
}
