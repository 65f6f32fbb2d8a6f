import type { Context } from '@opentelemetry/api'
import { asOAuthError } from '../oauth/errors.ts'
import type { RefusalReason } from '../oauth/outcomes.ts'
import type { ResourceServer } from '../oauth/server.ts'
import type { AccessToken } from '../oauth/tokens/access-token.ts'
import type { ValidateRequest } from '../oauth/verbs/validate.ts'
import { SPAN } from './conventions.ts'
import type { ValidateEvent } from './events.ts'
import type { Observation } from './observation.ts'
import type { Recording } from './recording.ts'
import { validateReport } from './span-reports.ts'

/** What could not be decided counts as unavailable, whatever it was that failed. */
function refusedEvent(error: unknown): { event: ValidateEvent; code: string } {
  const { code, facts } = asOAuthError(error)
  const reason: RefusalReason = facts.reason ?? 'unavailable'
  const result = reason === 'expired' ? 'expired' : 'invalid'
  return { event: { operation: 'validate', clientId: facts.clientId, result, reason }, code }
}

/** Seconds since a token was issued, where it says when that was. */
function ageOf({ claims: { iat } }: AccessToken, now: number): number | undefined {
  return iat === undefined ? undefined : Math.max(0, now - iat)
}

/** The resource server as the guard has it. */
export interface ObservedResourceServer {
  /**
   * @param within the context that the request belongs to. Default: the active one
   * @throws what it may also reject with
   */
  validate(request: ValidateRequest, within?: Context): AccessToken | Promise<AccessToken>
}

/** The same resource server, seen from outside: every decision is an event, in a span if anybody would see it. */
export function observeResourceServer(
  server: ResourceServer,
  { tracing, emit, now }: Pick<Observation, 'tracing' | 'emit' | 'now'>
): ObservedResourceServer {
  function accepted(recording: Recording, token: AccessToken): AccessToken {
    const reason = token.revocationUnchecked === true ? 'unavailable' : undefined
    const event: ValidateEvent = { operation: 'validate', clientId: token.clientId, result: 'valid', reason }
    emit(event)
    recording.end(() => validateReport(event, ageOf(token, now()), undefined))
    return token
  }

  function refused(recording: Recording, error: unknown): never {
    const { event, code } = refusedEvent(error)
    emit(event)
    recording.end(() => validateReport(event, undefined, code))
    throw error
  }

  return {
    validate(request, within) {
      const recording = tracing.start(SPAN.validate, within)
      let decided: AccessToken | undefined
      try {
        decided = server.validateNow(request)
      } catch (error) {
        return recording.run(() => refused(recording, error))
      }
      // Emitted in the caller's context: to make the span active would cost more than this decision.
      if (decided !== undefined) return accepted(recording, decided)
      return recording.run(() =>
        server.validate(request).then(
          (token) => accepted(recording, token),
          (error: unknown) => refused(recording, error)
        )
      )
    }
  }
}
