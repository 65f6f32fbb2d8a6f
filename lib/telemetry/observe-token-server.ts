import { asOAuthError, OAuthError } from '../oauth/errors.ts'
import { REFRESH_TOKEN } from '../oauth/grants/grant-types.ts'
import type { TokenGrant } from '../oauth/outcomes.ts'
import type { TokenServer } from '../oauth/server.ts'
import type { StoredToken } from '../oauth/tokens/token.ts'
import type { Authorization } from '../oauth/verbs/issue.ts'
import { OTHER, SPAN } from './conventions.ts'
import type { IntrospectEvent, IssueEvent, RefreshEvent, RevokeAllEvent, RevokeEvent, TokenEvent } from './events.ts'
import type { Observation } from './observation.ts'
import type { SpanReport } from './recording.ts'
import { introspectReport, issueReport, refreshReport, revokeAllReport, revokeReport } from './span-reports.ts'
import { linkTo } from './trace-context.ts'

/** How an operation ended: with a value, or with a refusal. */
type Outcome<T> =
  | { readonly value: T; readonly refusal?: never }
  | { readonly value?: never; readonly refusal: OAuthError }

/** Seconds since `performance.now()` was `start`. */
const since = (start: number): number => (performance.now() - start) / 1000

const linksTo = (...traceparents: readonly (string | undefined)[]) => traceparents.flatMap(linkTo)

/**
 * The same server, seen from outside: each verb runs in a span and ends in exactly one event, made of what the verb
 * resolved to or of the refusal it threw. The outcome passes through, a refusal with the fact that it has been told.
 */
export function observeTokenServer(server: TokenServer, observation: Observation): TokenServer {
  const { tracing, emit, onDropped, showUser, now } = observation

  async function observed<T, Event extends TokenEvent>(
    name: string,
    run: (traceparent: string | undefined) => Promise<T>,
    describe: (outcome: Outcome<T>, duration: number) => Event,
    report: (event: Event, outcome: Outcome<T>) => SpanReport
  ): Promise<T> {
    const recording = tracing.start(name)
    const start = performance.now()
    return recording.run(async () => {
      let outcome: Outcome<T>
      let thrown: unknown
      try {
        outcome = { value: await run(recording.traceparent()) }
      } catch (error) {
        thrown = error instanceof OAuthError ? error.withFacts({ isTold: true }) : error
        outcome = { refusal: asOAuthError(error) }
      }
      try {
        const event = describe(outcome, since(start))
        emit(event)
        recording.end(() => report(event, outcome))
      } catch {
        onDropped()
        recording.end(() => ({ attributes: {} }))
      }
      if (outcome.refusal !== undefined) throw thrown
      return outcome.value
    })
  }

  const describeIssue =
    ({ clientId, subject, grantType, scope }: Pick<Authorization, 'clientId' | 'subject' | 'grantType' | 'scope'>) =>
    ({ value, refusal }: Outcome<TokenGrant>, duration: number): IssueEvent => ({
      operation: 'issue',
      clientId,
      userId: showUser(subject),
      grantType,
      scope,
      tokenId: value?.access.id,
      family: value?.access.family,
      ttl: value?.response.expires_in,
      error: refusal?.code,
      duration
    })

  return {
    async token(request) {
      const start = performance.now()
      try {
        return await server.token(request)
      } catch (error) {
        const { code, facts } = asOAuthError(error)
        const { clientId, grantType, reason, isTold = false } = facts
        emit({ operation: 'token', clientId, grantType, reason, isTold, error: code, duration: since(start) })
        throw error
      }
    },

    issue: (authorization) =>
      observed(
        SPAN.issue,
        (trace) => server.issue({ ...authorization, trace }),
        describeIssue(authorization),
        issueReport
      ),

    issueSuccessors: (minted) =>
      observed(
        SPAN.issue,
        () => server.issueSuccessors(minted),
        describeIssue({ ...minted.access, grantType: REFRESH_TOKEN }),
        issueReport
      ),

    refresh(request) {
      const by = request.by.authenticated ? request.by.client.id : undefined
      return observed(
        SPAN.refresh,
        (trace) => server.refresh({ ...request, trace }),
        ({ value, refusal }, duration): RefreshEvent => {
          const facts = refusal?.facts
          const token = value?.spent ?? facts?.token
          const age = token && Math.max(0, now() - token.issuedAt)
          return {
            operation: 'refresh',
            clientId: token?.clientId ?? by,
            userId: showUser(token?.subject),
            reason: facts?.reason,
            reuse: value?.reuse ?? facts?.reuse,
            family: token?.family,
            age,
            lifetimeUsed: token && age !== undefined ? age / (token.expiresAt - token.issuedAt) : undefined,
            issuedAt: token?.issuedAt,
            error: refusal?.code,
            duration
          }
        },
        (event, { value, refusal }) => {
          const token: StoredToken | undefined = value?.spent ?? refusal?.facts.token
          return { ...refreshReport(event), links: linksTo(token?.trace, token?.spent?.trace) }
        }
      )
    },

    revoke: (request) =>
      observed(
        SPAN.revoke,
        () => server.revoke(request),
        ({ value, refusal }, duration): RevokeEvent => ({
          operation: 'revoke',
          clientId: value?.token?.clientId,
          tokenId: value?.token?.id ?? request.tokenId,
          reason: value?.reason ?? OTHER,
          by: request.by,
          revoked: value?.counts ?? [],
          lifetime: value?.token && Math.max(0, now() - value.token.issuedAt),
          error: refusal?.code,
          duration
        }),
        (event, { value }) => ({ ...revokeReport(event), links: linksTo(value?.token?.trace) })
      ),

    revokeAll: (request) =>
      observed(
        SPAN.revokeAll,
        () => server.revokeAll(request),
        ({ value, refusal }, duration): RevokeAllEvent => ({
          operation: 'revoke_all',
          clientId: request.clientId,
          userId: showUser(request.subject),
          family: request.family,
          reason: value?.reason ?? OTHER,
          by: request.by,
          revoked: value?.counts ?? [],
          error: refusal?.code,
          duration
        }),
        revokeAllReport
      ),

    introspect: (request) =>
      observed(
        SPAN.introspect,
        () => server.introspect(request),
        ({ value, refusal }, duration): IntrospectEvent => ({
          operation: 'introspect',
          clientId: request.by.id,
          active: value?.active ?? false,
          error: refusal?.code,
          duration
        }),
        introspectReport
      ),

    async prune() {
      const expired = await server.prune()
      if (expired.length > 0) emit({ operation: 'expire', expired })
      return expired
    }
  }
}
