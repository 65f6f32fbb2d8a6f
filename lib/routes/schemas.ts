/** What @fastify/swagger shows of the endpoints, and what their answers are serialised with. */

const text = { type: 'string' } as const

export const error = {
  type: 'object',
  description: 'RFC 6749 section 5.2',
  required: ['error'],
  properties: { error: text, error_description: text }
} as const

const form = (required: readonly string[], properties: Record<string, object>) => ({
  type: 'object',
  required,
  properties: { ...properties, client_id: text, client_secret: text }
})

const consumes = ['application/x-www-form-urlencoded']
const errors = { 400: error, 401: error, 413: error, 429: error, 500: error, 503: error }

export const token = {
  summary: 'Token endpoint (RFC 6749 section 3.2)',
  tags: ['oauth'],
  consumes,
  body: form(['grant_type'], {
    grant_type: text,
    scope: text,
    refresh_token: text,
    resource: { ...text, description: 'RFC 8707' }
  }),
  response: {
    200: {
      type: 'object',
      description: 'The tokens (RFC 6749 section 5.1)',
      required: ['access_token', 'token_type', 'expires_in'],
      properties: {
        access_token: text,
        token_type: text,
        expires_in: { type: 'integer', description: 'seconds' },
        refresh_token: text,
        scope: text
      }
    },
    ...errors
  }
} as const

export const revocation = {
  summary: 'Revocation endpoint (RFC 7009)',
  tags: ['oauth'],
  consumes,
  body: form(['token'], { token: text, token_type_hint: text }),
  response: { 200: { type: 'null', description: 'The token is not valid, or no longer' }, ...errors }
} as const

export const introspection = {
  summary: 'Introspection endpoint (RFC 7662)',
  tags: ['oauth'],
  consumes,
  body: form(['token'], { token: text, token_type_hint: text }),
  response: {
    200: {
      type: 'object',
      description: 'What the token may do, or that it is not active and nothing else (RFC 7662 section 2.2)',
      required: ['active'],
      properties: {
        active: { type: 'boolean' },
        scope: text,
        client_id: text,
        token_type: text,
        exp: { type: 'integer' },
        iat: { type: 'integer' },
        sub: text,
        aud: { anyOf: [text, { type: 'array', items: text }] },
        iss: text,
        jti: text
      }
    },
    403: error,
    ...errors
  }
} as const

export const jwks = {
  summary: 'Public keys (RFC 7517)',
  tags: ['oauth'],
  response: {
    200: {
      description: 'A JWK Set (RFC 7517 section 5)',
      content: {
        'application/jwk-set+json': {
          schema: {
            type: 'object',
            required: ['keys'],
            properties: { keys: { type: 'array', items: { type: 'object', additionalProperties: true } } }
          }
        }
      }
    }
  }
} as const

export const metadata = {
  summary: 'Authorization server metadata (RFC 8414)',
  tags: ['oauth'],
  response: { 200: { type: 'object', description: 'RFC 8414 section 2', additionalProperties: true } }
} as const
