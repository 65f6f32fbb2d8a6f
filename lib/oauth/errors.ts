import type { RefusalFacts } from './outcomes.ts'

/**
 * The `error` codes this library answers with: RFC 6749 section 5.2, RFC 6750 section 3.1, RFC 8707 section 2,
 * and `temporarily_unavailable` / `server_error` from RFC 6749 section 4.1.2.1 for what the client did not cause.
 */
export type StandardErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'invalid_scope'
  | 'invalid_target'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'temporarily_unavailable'
  | 'server_error'

/** A standard code, or one that an extension grant brings along (RFC 6749 section 8.5): `slow_down`, for example. */
export type ErrorCode = StandardErrorCode | (string & {})

const STATUS: Record<StandardErrorCode, number> = {
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  invalid_scope: 400,
  invalid_target: 400,
  invalid_token: 401,
  insufficient_scope: 403,
  temporarily_unavailable: 503,
  server_error: 500
}

/** Whether a code is one of those that are known here: a closed set, so it is safe on a metric. */
export function isStandardCode(code: ErrorCode): code is StandardErrorCode {
  return Object.hasOwn(STATUS, code)
}

export interface OAuthErrorOptions {
  /** The HTTP status. Default: the one the RFC gives to the code, 400 for a code of an extension. */
  status?: number
  /** Seconds a client should wait; presence adds `Retry-After`. */
  retryAfter?: number
  /** What telemetry may know about the refusal; the token endpoint adds the proven client and the grant type. */
  facts?: RefusalFacts
  /** The failure underneath, for the application's own logs; it never reaches the client. */
  cause?: unknown
}

/** RFC 6749 section 5.2: error and error_description are made of %x20-21 / %x23-5B / %x5D-7E. */
const SENDABLE = /^[\x20\x21\x23-\x5B\x5D-\x7E]+$/

/**
 * An expected refusal: what the client is told, and nothing else. Throw it from a grant handler to refuse.
 *
 * `description` is sent to the client: make it a fixed sentence that never repeats what the client sent.
 */
export class OAuthError extends Error {
  override readonly name: string = 'OAuthError'
  readonly code: ErrorCode
  readonly status: number
  readonly retryAfter: number | undefined
  readonly facts: RefusalFacts

  /** @throws TypeError for a code or a description with other characters than may be sent, or a status of no error */
  constructor(code: ErrorCode, description: string, options: OAuthErrorOptions = {}) {
    if (!SENDABLE.test(code)) {
      throw new TypeError('OAuthError: code must be printable ASCII without quotes and backslashes')
    }
    if (typeof description !== 'string' || !SENDABLE.test(description)) {
      throw new TypeError('OAuthError: description must be printable ASCII without quotes and backslashes')
    }
    const status = options.status ?? (isStandardCode(code) ? STATUS[code] : 400)
    if (!Number.isInteger(status) || status < 400 || status > 599) {
      throw new TypeError('OAuthError: status must be a whole number from 400 to 599')
    }
    super(description, { cause: options.cause })
    this.code = code
    this.status = status
    this.retryAfter = options.retryAfter
    this.facts = options.facts ?? {}
  }

  /** The safe sentence for the client. */
  get description(): string {
    return this.message
  }

  /** What Fastify sends along where this is thrown in a route of the application: `Retry-After`. */
  get headers(): Readonly<Record<string, string>> {
    return this.retryAfter === undefined ? {} : { 'retry-after': String(this.retryAfter) }
  }

  /** The same refusal with these facts, over those it has. */
  withFacts(facts: RefusalFacts): OAuthError {
    const { code, message, status, retryAfter, cause } = this
    const refusal = new OAuthError(code, message, {
      status,
      ...(retryAfter === undefined ? {} : { retryAfter }),
      cause,
      facts: { ...this.facts, ...facts }
    })
    if (this.stack !== undefined) refusal.stack = this.stack
    return refusal
  }
}

/** How long a client is asked to wait when a store or key server is down, in seconds. */
const RETRY_AFTER_OUTAGE = 5

/**
 * A dependency of ours did not answer (RFC 7009 section 2.2.1): the client may try again, and whether anything was done is
 * not known.
 */
export function unavailable(cause: unknown, retryAfter: number = RETRY_AFTER_OUTAGE): OAuthError {
  return new OAuthError('temporarily_unavailable', 'The service is temporarily unavailable.', {
    retryAfter,
    facts: { reason: 'unavailable' },
    cause
  })
}

/** The error as an OAuthError: itself, or `server_error` around anything unexpected. */
export function asOAuthError(error: unknown): OAuthError {
  if (error instanceof OAuthError) return error
  return new OAuthError('server_error', 'The server could not complete the request.', { cause: error })
}
