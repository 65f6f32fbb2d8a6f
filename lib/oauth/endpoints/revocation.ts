import type { Kernel } from '../kernel.ts'
import type { TokenServer } from '../server.ts'
import { type EndpointRequest, readForm, required } from '../wire/request.ts'

/**
 * The revocation endpoint (RFC 7009): a client revokes a token of its own. Any other changes nothing and is answered
 * alike, so that nobody learns which tokens there are.
 */
export async function revocation(kernel: Kernel, verbs: TokenServer, request: EndpointRequest): Promise<void> {
  const formRequest = readForm(request)
  const { client } = await kernel.authenticate(formRequest)
  const token = required(formRequest.form, 'token')
  await verbs.revoke({ token, clientId: client.id, reason: 'client_request', by: client.id })
}
