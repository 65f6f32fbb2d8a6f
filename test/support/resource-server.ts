import Fastify, { type FastifyInstance, type LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import oauthTelemetry, { type OAuthTelemetryOptions, type RefusalReason, type TrustedIssuer } from '../../lib/index.ts'
import { TENANT, type TestKey } from './jwt.ts'
import { type Samples, scrape } from './metrics.ts'
import { AUDIENCE } from './server.ts'

/** What the guard says in its challenge; the whole of it, so that nothing else can be in there. */
export const CHALLENGE = {
  missing: 'Bearer realm="oauth"',
  request: 'Bearer realm="oauth", error="invalid_request", error_description="The Authorization header is malformed."',
  token: 'Bearer realm="oauth", error="invalid_token", error_description="The access token is not valid."',
  scope:
    'Bearer realm="oauth", error="insufficient_scope", error_description="The access token does not have the required scope.", scope="orders:read"'
} as const

/** Trust in `TENANT` with fixed keys. */
export function trustIn(...keys: TestKey[]): TrustedIssuer {
  return { issuer: TENANT, audience: AUDIENCE, keys: keys.map(({ publicJwk }) => publicJwk) }
}

/** The resource-server role alone. `/orders` needs `orders:read` and answers with claims; it is closed with the test. */
export async function buildResourceServer(
  t: Test,
  trust: readonly TrustedIssuer[],
  options: Partial<OAuthTelemetryOptions> = {}
): Promise<FastifyInstance> {
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  await fastify.register(oauthTelemetry, { trust, ...options })
  fastify.get('/orders', { onRequest: fastify.oauth.require('orders:read') }, async ({ token }) => ({
    sub: token.claims.sub ?? null
  }))
  return fastify
}

/** `/orders` with an Authorization header, or without. */
export function call(fastify: FastifyInstance, authorization?: string | string[]): Promise<LightMyRequestResponse> {
  return fastify.inject({
    url: '/orders',
    headers: authorization === undefined ? {} : ({ authorization } as Record<string, string>)
  })
}

const VALIDATED = 'oauth2_token_validated_total'

/** The name of a sample of `oauth2.token.validated`. */
export function validatedSample(reason: RefusalReason | undefined, client = 'unknown'): string {
  const result = reason === undefined ? 'valid' : reason === 'expired' ? 'expired' : 'invalid'
  const reasonLabel = reason === undefined ? '' : `,oauth2_validation_reason="${reason}"`
  return `${VALIDATED}{oauth2_client_id="${client}"${reasonLabel},oauth2_validation_result="${result}"}`
}

function validations(samples: Samples): Map<string, number> {
  return new Map([...samples].filter(([name, value]) => name.startsWith(VALIDATED) && value > 0))
}

/** What the decisions made meanwhile added to `oauth2.token.validated`, by sample. */
export async function validationsDuring<T>(
  fastify: FastifyInstance,
  action: () => Promise<T>
): Promise<{ result: T; added: Record<string, number> }> {
  const before = validations(await scrape(fastify))
  const result = await action()
  const added: Record<string, number> = {}
  for (const [name, value] of validations(await scrape(fastify))) {
    const more = value - (before.get(name) ?? 0)
    if (more !== 0) added[name] = more
  }
  return { result, added }
}

export interface Refusal {
  readonly status: number
  readonly challenge: string
  readonly error: string
  readonly reason: RefusalReason
  readonly client?: string
}

/** Asserts everything about a refused call: status, challenge, body, and that it was counted once, as what it was. */
export async function assertRefused(
  t: Test,
  fastify: FastifyInstance,
  authorization: string | string[],
  { status, challenge, error, reason, client = 'unknown' }: Refusal,
  what: string
): Promise<void> {
  const { result: response, added } = await validationsDuring(fastify, () => call(fastify, authorization))
  t.equal(response.statusCode, status, `${what}: status`)
  t.equal(response.headers['www-authenticate'], challenge, `${what}: challenge`)
  t.equal(response.headers['cache-control'], 'no-store', `${what}: is not cached`)
  t.equal(response.json().error, error, `${what}: error`)
  t.strictSame(added, { [validatedSample(reason, client)]: 1 }, `${what}: counted as ${reason}`)
}

/** Asserts that a token is refused as invalid: 401 `invalid_token`, for this reason. */
export function assertInvalidToken(
  t: Test,
  fastify: FastifyInstance,
  token: string,
  reason: RefusalReason,
  what: string,
  client = 'unknown'
): Promise<void> {
  const refusal = { status: 401, challenge: CHALLENGE.token, error: 'invalid_token', reason, client }
  return assertRefused(t, fastify, `Bearer ${token}`, refusal, what)
}

/** Asserts that a token is accepted, and counted for its client. */
export async function assertAccepted(t: Test, fastify: FastifyInstance, token: string, client: string, what: string) {
  const { result: response, added } = await validationsDuring(fastify, () => call(fastify, `Bearer ${token}`))
  t.equal(response.statusCode, 200, `${what}: accepted`)
  t.strictSame(added, { [validatedSample(undefined, client)]: 1 }, `${what}: counted as valid`)
}

/** Asserts that a token could not be checked: 503 with `Retry-After` and without a challenge. */
export async function assertUnavailable(t: Test, fastify: FastifyInstance, token: string, what: string): Promise<void> {
  const { result: response, added } = await validationsDuring(fastify, () => call(fastify, `Bearer ${token}`))
  t.equal(response.statusCode, 503, `${what}: status`)
  // Five seconds for a store, the rest of the cooldown for a key server.
  t.match(response.headers['retry-after'], /^(5|[12]\d|30)$/, `${what}: Retry-After`)
  t.equal(response.headers['www-authenticate'], undefined, `${what}: no challenge`)
  const body = { error: 'temporarily_unavailable', error_description: 'The service is temporarily unavailable.' }
  t.strictSame(response.json(), body, `${what}: body`)
  t.strictSame(added, { [validatedSample('unavailable')]: 1 }, `${what}: counted as unavailable`)
}
