import type { RequireHook } from './guard.ts'
import { authorize } from './oauth/authorize.ts'
import { assertDecision } from './oauth/grants/decision.ts'
import type { GrantDecision } from './oauth/grants/grant.ts'
import { closedGrantType, DIRECT } from './oauth/grants/grant-types.ts'
import type { Kernel } from './oauth/kernel.ts'
import type { TokenResponse } from './oauth/outcomes.ts'
import { type Names, noneLost, onlyKnown } from './oauth/properties.ts'
import type { TokenServer } from './oauth/server.ts'
import type { AccessToken } from './oauth/tokens/access-token.ts'
import { assertScopeTokens } from './oauth/tokens/scope.ts'
import { newTokenId } from './oauth/tokens/token-id.ts'
import type { RevokeRequest } from './oauth/verbs/revoke.ts'
import type { RevokeAllRequest } from './oauth/verbs/revoke-all.ts'
import type { ObservedResourceServer } from './telemetry/observe-resource-server.ts'

/** What to issue, on the application's own decision: after its own login, for example. */
export interface IssueOptions extends GrantDecision {
  /** A registered client. */
  readonly clientId: string
  /** The scope to grant, within the client's. Default: all of it. */
  readonly scope?: readonly string[]
  /** One of the configured audiences. Default: the first. */
  readonly audience?: string
  /** What is counted as the grant type: one this server has, any other is `_OTHER`. Default: `direct`. */
  readonly grantType?: string
}

/** What a revocation did. */
export interface RevocationResult {
  /** Tokens that were live and are now dead. */
  readonly revoked: number
}

/** `fastify.oauth` */
export interface OAuth {
  /**
   * An `onRequest` hook that lets requests pass whose Bearer token has all of the scope, and puts it at
   * `request.token` (RFC 6750).
   *
   * @throws TypeError when a scope token is malformed
   */
  require(...scope: string[]): RequireHook
  /**
   * Validates an access token that came by another way than the Authorization header.
   *
   * @throws TypeError when a scope token is malformed
   * @throws OAuthError `invalid_token` or `insufficient_scope`, with the reason in `facts.reason`; `invalid_request` for
   * what no Bearer token can be; `temporarily_unavailable` when the store or the keys of its issuer cannot be had
   */
  validate(token: string, ...scope: string[]): Promise<AccessToken>
  /**
   * Issues tokens. Issuer role only.
   *
   * @throws TypeError for an unknown client, a subject that is `undefined`, empty or no well-formed Unicode, a refreshable
   * token it may not have, claims that no guard would accept, or a property there is not
   * @throws OAuthError `invalid_scope`, `invalid_target`, `invalid_request` when the subject is the id of a client,
   * `invalid_grant` when subject or client are revoked meanwhile, or `temporarily_unavailable` when the store or the
   * application's look-up of clients is down
   */
  issue(options: IssueOptions): Promise<TokenResponse>
  /**
   * Revokes a token (RFC 7009): a refresh token with its family, an access token alone. Issuer role only.
   *
   * @throws TypeError unless exactly one of `token` and `tokenId` is given, or for a property there is not
   * @throws OAuthError `temporarily_unavailable` when the store is down: it may have been revoked
   */
  revoke(request: RevokeRequest): Promise<RevocationResult>
  /**
   * Revokes all live tokens of a subject, a family or a client. Issuer role only.
   *
   * @throws TypeError unless exactly one of the three is given, or for a property there is not
   * @throws OAuthError `temporarily_unavailable` when the store is down: a part of them may have been revoked, so repeat it
   */
  revokeAll(request: RevokeAllRequest): Promise<RevocationResult>
  /**
   * Whether the store answers, for a readiness route: one look-up, `false` when `storeTimeout` is over. It never rejects.
   * Without the issuer role there is no store to wait for.
   */
  isReady(): Promise<boolean>
}

/** The verbs of the resource-server role. */
export function resourceServerApi(
  server: ObservedResourceServer,
  require: OAuth['require']
): Pick<OAuth, 'require' | 'validate'> {
  return {
    require,
    async validate(token, ...scope) {
      assertScopeTokens('oauth.validate', scope)
      return server.validate({ authorization: [`Bearer ${token}`], scope })
    }
  }
}

const ISSUE: Names<IssueOptions> = {
  clientId: true,
  subject: true,
  scope: true,
  audience: true,
  refreshable: true,
  claims: true,
  grantType: true
}
const REVOKE: Names<RevokeRequest> = { token: true, tokenId: true, clientId: true, reason: true, by: true }
const REVOKE_ALL: Names<RevokeAllRequest> = { subject: true, family: true, clientId: true, reason: true, by: true }

/** A request whose every property restricts it: what is misspelt, or got lost, would revoke more than was meant. */
function meant<T extends object>(where: string, request: T, names: Names<T>): T {
  return noneLost(where, onlyKnown(where, request, names), Object.keys(names) as (keyof T)[], 'if all is meant')
}

/** The part of `fastify.oauth` that stands on a store. */
type IssuerApi = Pick<OAuth, 'issue' | 'revoke' | 'revokeAll' | 'isReady'>

/** The verbs of the issuer role. */
export function issuerApi(kernel: Kernel, server: TokenServer): IssuerApi {
  const sum = (counts: readonly { count: number }[]) => counts.reduce((total, { count }) => total + count, 0)
  return {
    async issue(options) {
      const { clientId, grantType = DIRECT, audience: resource, ...given } = onlyKnown('oauth.issue', options, ISSUE)
      assertDecision('oauth.issue', given)
      const { scope, ...decision } = given
      const client = await kernel.clients.find(clientId)
      if (client === undefined) throw new TypeError(`oauth.issue: there is no client "${clientId}"`)
      // An empty scope is none at all; a scope parameter cannot say that, and its absence asks for everything.
      const empty = scope?.length === 0
      const authorization = authorize(
        kernel,
        client,
        closedGrantType(kernel, grantType),
        empty ? { ...decision, scope } : decision,
        { scope: empty ? undefined : scope?.join(' '), resource }
      )
      const { response } = await server.issue(authorization)
      return response
    },
    async revoke(request) {
      const { counts } = await server.revoke(meant('oauth.revoke', request, REVOKE))
      return { revoked: sum(counts) }
    },
    async revokeAll(request) {
      const { counts } = await server.revokeAll(meant('oauth.revokeAll', request, REVOKE_ALL))
      return { revoked: sum(counts) }
    },
    async isReady() {
      // A new id names a place as others do, so that it is looked for where tokens are.
      const found = kernel.store.find(newTokenId(kernel.now()))
      return found.then(
        () => true,
        () => false
      )
    }
  }
}

/** What answers for the verbs of the issuer role where there is none. */
export function noIssuerApi(): IssuerApi {
  const needsClients = async (): Promise<never> => {
    throw new TypeError('this server does not issue tokens: register it with the clients option')
  }
  return { issue: needsClients, revoke: needsClients, revokeAll: needsClients, isReady: async () => true }
}
