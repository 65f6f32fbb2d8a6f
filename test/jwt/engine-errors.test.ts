import t from 'tap'
import type { ForeignIssuer } from '../../lib/jwt/issuer.ts'
import { accessTokenVerifier } from '../../lib/jwt/verifier.ts'
import { OAuthError } from '../../lib/oauth/errors.ts'
import { claimsOf, makeKey, signJwt, TENANT } from '../support/jwt.ts'

const key = makeKey('key-1')

/** A verifier whose engine throws this at every token. */
function verifierThatThrows(error: unknown) {
  const verify = () => {
    throw error
  }
  const keySet = { keys: new Map([['key-1', { algorithm: 'ES256' as const, verify }]]), isCurrent: () => true }
  const issuer: ForeignIssuer = { name: TENANT, own: false, tolerance: { start: 0, end: 0 }, keySet: () => keySet }
  return accessTokenVerifier([issuer], () => claimsOf().iat)
}

function refusalOf(error: unknown): OAuthError {
  try {
    verifierThatThrows(error).verify(signJwt(key))
  } catch (refusal) {
    if (refusal instanceof OAuthError) return refusal
  }
  throw new Error('the token was not refused')
}

t.test('an error that no engine is known to throw refuses the token, and is kept as the cause', async (t) => {
  const errors = [
    new RangeError('out of something'),
    Object.assign(new Error('new'), { code: 'FAST_JWT_OF_TOMORROW' }),
    Object.assign(new Error('inherited'), { code: 'constructor' })
  ]
  for (const error of errors) {
    const refusal = refusalOf(error)
    t.equal(refusal.code, 'invalid_token', error.message)
    t.equal(refusal.description, 'The access token is not valid.', error.message)
    t.strictSame(refusal.facts, { reason: 'malformed', clientId: undefined }, error.message)
    t.equal(refusal.cause, error, error.message)
  }
})

t.test('the errors an engine throws for bad tokens are no cause of anything: they tell of the token', async (t) => {
  const reasons = { FAST_JWT_MALFORMED: 'malformed', FAST_JWT_INVALID_TYPE: 'wrong_type' }
  for (const [code, reason] of Object.entries(reasons)) {
    const refusal = refusalOf(Object.assign(new Error(code), { code }))
    t.equal(refusal.facts.reason, reason)
    t.equal(refusal.cause, undefined)
  }
})
