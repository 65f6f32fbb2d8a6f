/** What both sides of every comparison agree on. */
export const issuer = 'https://auth.example'
export const audience = 'https://api.example'
export const scope = 'orders:read'
export const subject = 'alice'

/** Confidential, for client_credentials. */
export const reports = { id: 'reports', secret: 'reports-secret' }
/** Public, for refresh. */
export const web = { id: 'web' }
/** Confidential, for introspection. */
export const gateway = { id: 'gateway', secret: 'gateway-secret' }

export type Alg = 'ES256' | 'RS256'

export function basic({ id, secret }: { id: string; secret: string }): string {
  return `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
}

/** Sent with every request for a protected route, whoever answers it. */
export const unsampledParent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00'
export const sampledParent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
