import { authorize } from '../authorize.ts'
import type { IdentifiedClient } from '../clients/authenticate.ts'
import { asOAuthError, OAuthError } from '../errors.ts'
import { assertDecision } from '../grants/decision.ts'
import { REFRESH_TOKEN } from '../grants/grant-types.ts'
import type { Kernel } from '../kernel.ts'
import type { Refreshed, TokenGrant, TokenResponse } from '../outcomes.ts'
import type { Authorization } from '../verbs/issue.ts'
import type { RefreshRequest } from '../verbs/refresh.ts'
import type { Form } from '../wire/form.ts'
import { type EndpointRequest, readForm, required } from '../wire/request.ts'

/** The verbs a token request ends in. */
interface TokenVerbs {
  issue(authorization: Authorization): Promise<TokenGrant>
  refresh(request: RefreshRequest): Promise<Refreshed>
}

/** The token endpoint (RFC 6749 section 3.2): who asks, with which grant, then the grant's own rules. */
export async function token(kernel: Kernel, verbs: TokenVerbs, request: EndpointRequest): Promise<TokenResponse> {
  const formRequest = readForm(request)
  const { form } = formRequest
  const by = await kernel.authenticate(formRequest)
  let grantType: string | undefined
  try {
    const asked = required(form, 'grant_type')
    if (asked !== REFRESH_TOKEN && !kernel.grants.has(asked)) {
      throw new OAuthError('unsupported_grant_type', 'The grant type is not supported.')
    }
    grantType = asked
    if (!by.client.grants.includes(grantType)) {
      throw new OAuthError('unauthorized_client', 'The client may not use this grant type.')
    }
    return await (grantType === REFRESH_TOKEN
      ? refreshGrant(verbs, by, form)
      : otherGrant(kernel, verbs, by, grantType, form))
  } catch (error) {
    const refusal = asOAuthError(error)
    throw refusal.withFacts({ clientId: provenClient(by, grantType, refusal), grantType })
  }
}

/**
 * The client as telemetry may name it. A public one proves itself by its refresh token only; what else was presented may
 * belong to another.
 */
function provenClient(
  { client, authenticated }: IdentifiedClient,
  grantType: string | undefined,
  { facts }: OAuthError
): string | undefined {
  if (authenticated) return client.id
  return grantType === REFRESH_TOKEN ? facts.clientId : undefined
}

/** RFC 6749 section 6. */
async function refreshGrant(verbs: TokenVerbs, by: IdentifiedClient, form: Form): Promise<TokenResponse> {
  const { response } = await verbs.refresh({
    refreshToken: required(form, 'refresh_token'),
    by,
    scope: form.get('scope'),
    resource: form.get('resource')
  })
  return response
}

async function otherGrant(
  kernel: Kernel,
  verbs: TokenVerbs,
  { client }: IdentifiedClient,
  grantType: string,
  form: Form
): Promise<TokenResponse> {
  const decision = await kernel.grants.get(grantType)?.({ client, form })
  assertDecision(`grants["${grantType}"]`, decision)
  const asked = { scope: form.get('scope'), resource: form.get('resource') }
  const { response } = await verbs.issue(authorize(kernel, client, grantType, decision, asked))
  return response
}
