import type { RegisteredClient } from '../clients/clients.ts'
import type { Kernel } from '../kernel.ts'
import { recognise } from '../tokens/presented-token.ts'
import { scopeParameter } from '../tokens/scope.ts'
import { isLive, type StoredToken } from '../tokens/token.ts'

/** A request to introspect, by a client that may. */
export interface IntrospectRequest {
  readonly token: string
  readonly by: RegisteredClient
}

/** RFC 7662 section 2.2. An inactive token tells nothing else. */
export type Introspection =
  | { readonly active: false }
  | {
      readonly active: true
      readonly scope?: string
      readonly client_id: string
      readonly token_type?: 'Bearer'
      readonly exp: number
      readonly iat: number
      readonly sub: string
      readonly aud: string
      readonly iss: string
      readonly jti?: string
    }

function mayIntrospect(by: RegisteredClient, token: StoredToken): boolean {
  const audiences = by.introspect
  if (typeof audiences === 'boolean') return audiences
  return audiences.includes(token.audience)
}

/** Tells a resource server whether a token is live, and what it may do (RFC 7662). */
export async function introspect(kernel: Kernel, { token, by }: IntrospectRequest): Promise<Introspection> {
  const stored = await recognise(kernel, token)
  if (stored === undefined || !isLive(stored, kernel.now()) || !mayIntrospect(by, stored)) return { active: false }
  return {
    active: true,
    ...scopeParameter(stored.scope),
    client_id: stored.clientId,
    exp: stored.expiresAt,
    iat: Math.floor(stored.issuedAt),
    sub: stored.subject ?? stored.clientId,
    aud: stored.audience,
    iss: kernel.rules.issuer,
    ...(stored.type === 'access' ? { token_type: 'Bearer', jti: stored.id } : {})
  }
}
