import { OAuthError } from '../errors.ts'
import type { Kernel } from '../kernel.ts'
import type { TokenServer } from '../server.ts'
import type { Introspection } from '../verbs/introspect.ts'
import { type EndpointRequest, readForm, required } from '../wire/request.ts'

/**
 * The introspection endpoint (RFC 7662): for authenticated clients that may introspect (section 2.1). Token scanning
 * (section 4) is met by that, by the limit on failed authentication, and by tokens of 256 random bits.
 */
export async function introspection(
  kernel: Kernel,
  verbs: TokenServer,
  request: EndpointRequest
): Promise<Introspection> {
  const formRequest = readForm(request)
  const { client, authenticated } = await kernel.authenticate(formRequest)
  if (!authenticated || client.introspect === false) {
    throw new OAuthError('unauthorized_client', 'The client may not introspect tokens.', { status: 403 })
  }
  return verbs.introspect({ token: required(formRequest.form, 'token'), by: client })
}
