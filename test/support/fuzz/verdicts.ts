import assert from 'node:assert/strict'
import type { RawResponse } from './wire.ts'

/** What `error` and `error_description` consist of (RFC 6749 section 5.2, RFC 6750 section 3). */
const CHARSET = /^[\x20\x21\x23-\x5B\x5D-\x7E]+$/

export interface Challenge {
  readonly scheme: string
  readonly parameters: Readonly<Record<string, string>>
}

/**
 * Reads WWW-Authenticate as strictly as it may be written: one challenge, its parameters quoted, none twice, nothing
 * that would need escaping (RFC 9110 section 11.6.1, RFC 6750 section 3).
 */
export function parseChallenge(text: string): Challenge {
  const [, scheme, list] = /^([A-Za-z]+) (\S.*)$/.exec(text) ?? []
  assert.ok(scheme !== undefined && list !== undefined, `not a challenge: ${text}`)
  const parameters: Record<string, string> = {}
  const parameter = /([a-z_]+)="([\x20\x21\x23-\x5B\x5D-\x7E]*)"(?:, (?=\S)|$)/y
  while (parameter.lastIndex < list.length) {
    const [, name, value] = parameter.exec(list) ?? []
    assert.ok(name !== undefined && value !== undefined, `not a parameter: ${text}`)
    assert.ok(!Object.hasOwn(parameters, name), `${name} appears twice: ${text}`)
    parameters[name] = value
  }
  return { scheme, parameters }
}

function challengeOf({ headers }: RawResponse): Challenge | undefined {
  const values = headers.get('www-authenticate') ?? []
  assert.ok(values.length <= 1, 'more than one WWW-Authenticate')
  return values[0] === undefined ? undefined : parseChallenge(values[0])
}

function jsonOf({ headers, body }: RawResponse): Record<string, unknown> {
  assert.match(headers.get('content-type')?.join() ?? '', /^application\/json(; charset=utf-8)?$/)
  return JSON.parse(body)
}

function assertFailClosed(response: RawResponse): void {
  assert.match(response.headers.get('cache-control')?.join() ?? '', /no-store/)
  assert.ok(response.status < 500, `${response.status}`)
}

/** What the guard may answer to whatever Authorization header. */
export function assertGuarded(response: RawResponse): void {
  const { status } = response
  if (status === 200) return
  assertFailClosed(response)
  const challenge = challengeOf(response)
  assert.equal(challenge?.scheme, 'Bearer')
  const { realm, error, error_description, scope, ...others } = challenge.parameters
  assert.deepEqual([realm, others], ['oauth', {}])
  const { error: inBody } = jsonOf(response)
  if (error === undefined) {
    assert.deepEqual([status, error_description, scope, inBody], [401, undefined, undefined, 'Unauthorized'])
    return
  }
  assert.match(error_description ?? '', CHARSET)
  assert.equal(inBody, error)
  const expected = { invalid_request: 400, invalid_token: 401, insufficient_scope: 403 }[error]
  assert.equal(status, expected)
  assert.equal(scope, error === 'insufficient_scope' ? 'orders:read' : undefined)
}

/** RFC 6749 section 5.2 and RFC 8707 section 2, with the status each goes with. */
const ERRORS: Readonly<Record<string, readonly number[]>> = {
  invalid_request: [400, 413],
  invalid_client: [401],
  invalid_grant: [400],
  unauthorized_client: [400, 403],
  unsupported_grant_type: [400],
  invalid_scope: [400],
  invalid_target: [400],
  temporarily_unavailable: [429]
}

/** What an endpoint may answer to whatever form. */
export function assertAnswered(response: RawResponse): void {
  assertFailClosed(response)
  const { status, headers } = response
  const challenge = challengeOf(response)
  assert.deepEqual(challenge, status === 401 ? { scheme: 'Basic', parameters: { realm: 'oauth' } } : undefined)
  assert.equal(headers.has('retry-after'), status === 429)
  if (status === 200) return
  const { error, error_description: description, ...others } = jsonOf(response)
  assert.deepEqual(others, {})
  assert.ok(typeof error === 'string' && ERRORS[error]?.includes(status), `${status} ${error}`)
  assert.ok(typeof description === 'string' && CHARSET.test(description))
}

const CLIENT = ['reports', 'backend', 'web', 'gateway', 'unknown']
const REASONS = [
  ...['missing', 'malformed', 'unsupported_algorithm', 'unknown_key', 'bad_signature', 'wrong_type', 'wrong_issuer'],
  ...[
    'wrong_audience',
    'missing_claim',
    'invalid_claim',
    'unsupported_extension',
    'not_yet_valid',
    'expired',
    'revoked'
  ],
  ...['insufficient_scope', 'not_found', 'wrong_client', 'reused', 'unavailable']
]

/** The values each label may have; whoever sends a request chooses none of them. */
const LABELS: Readonly<Record<string, readonly string[]>> = {
  oauth2_client_id: CLIENT,
  oauth2_grant_type: ['client_credentials', 'refresh_token', 'direct', '_OTHER'],
  oauth2_revocation_reason: [
    ...['client_request', 'logout', 'security_incident', 'code_reuse', 'admin', 'superseded', '_OTHER']
  ],
  oauth2_validation_result: ['valid', 'expired', 'invalid'],
  oauth2_validation_reason: REASONS,
  oauth2_token_type: ['access', 'refresh'],
  oauth2_reuse_outcome: ['theft', 'grace', 'race_lost'],
  oauth2_operation: ['issue', 'refresh', 'revoke', 'revoke_all', 'introspect'],
  oauth2_active: ['true', 'false'],
  error_type: Object.keys(ERRORS)
}

/** Whether a sample is one of those there may be, whatever is sent. */
export function assertForeseen(sample: string): void {
  for (const [, label = '', value = ''] of sample.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
    if (label !== 'le') assert.ok(LABELS[label]?.includes(value), `not foreseen: ${sample}`)
  }
}
