import t from 'tap'
import type { OAuthTelemetryOptions } from '../../lib/index.ts'
import { CommandedStore } from '../support/commanded-store.ts'
import { claimsOf, forgeJwt, makeKey, segment, signJwt } from '../support/jwt.ts'
import { samplesOf, scrape } from '../support/metrics.ts'
import { buildResourceServer, call, trustIn, validatedSample, validationsDuring } from '../support/resource-server.ts'
import { buildServer, callOrders, postForm, refresh, stoppedClock } from '../support/server.ts'

const key = makeKey('key-1')
const now = Math.floor(Date.now() / 1000)

const verified: Record<string, string> = {
  wrong_type: signJwt(key, claimsOf(), { typ: 'JWT' }),
  wrong_audience: signJwt(key, claimsOf({ aud: 'https://elsewhere.example' })),
  missing_claim: signJwt(key, claimsOf({ jti: undefined })),
  invalid_claim: signJwt(key, claimsOf({ scope: 7 })),
  unsupported_extension: signJwt(key, claimsOf(), { crit: ['b64'], b64: true }),
  not_yet_valid: signJwt(key, claimsOf({ nbf: now + 600 })),
  expired: signJwt(key, claimsOf({ exp: now - 600 })),
  insufficient_scope: signJwt(key, claimsOf({ scope: 'orders:write' }))
}

const unproven: Record<string, string> = {
  malformed: 'not-a-jwt',
  unsupported_algorithm: forgeJwt({ alg: 'none', kid: 'key-1', typ: 'at+jwt' }, claimsOf()),
  unknown_key: signJwt(makeKey('key-2')),
  bad_signature: signJwt(makeKey('key-1')),
  wrong_issuer: signJwt(key, claimsOf({ iss: 'https://elsewhere.example' }))
}

t.test('validated counts each decision of the hook once, by result and reason', async (t) => {
  const fastify = await buildResourceServer(t, [trustIn(key)])
  const good = await validationsDuring(fastify, () => call(fastify, `Bearer ${signJwt(key)}`))
  t.strictSame(good.added, { [validatedSample(undefined, 'mobile')]: 1 })

  for (const [reason, token] of Object.entries(verified)) {
    const { added } = await validationsDuring(fastify, () => call(fastify, `Bearer ${token}`))
    const result = reason === 'expired' ? 'expired' : 'invalid'
    const labels = `oauth2_client_id="mobile",oauth2_validation_reason="${reason}",oauth2_validation_result="${result}"`
    t.strictSame(added, { [`oauth2_token_validated_total{${labels}}`]: 1 }, `${reason}: signed, so the client counts`)
  }
  for (const [reason, token] of Object.entries(unproven)) {
    const { added } = await validationsDuring(fastify, () => call(fastify, `Bearer ${token}`))
    const labels = `oauth2_client_id="unknown",oauth2_validation_reason="${reason}",oauth2_validation_result="invalid"`
    t.strictSame(added, { [`oauth2_token_validated_total{${labels}}`]: 1 }, `${reason}: proves nothing`)
  }
  const missing = await validationsDuring(fastify, () => call(fastify))
  t.strictSame(missing.added, { [validatedSample('missing')]: 1 })
})

t.test('validated counts revoked tokens, and those nobody can decide about', async (t) => {
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store })
  const { access_token } = await fastify.oauth.issue({ clientId: 'web', subject: 'alice' })
  const down = await validationsDuring(fastify, async () => {
    store.goDown()
    const { statusCode } = await callOrders(fastify, access_token)
    store.comeBack()
    return statusCode
  })
  t.equal(down.result, 503)
  t.strictSame(down.added, { [validatedSample('unavailable')]: 1 })

  await fastify.oauth.revoke({ token: access_token, reason: 'logout', by: 'user' })
  const dead = await validationsDuring(fastify, () => callOrders(fastify, access_token))
  t.strictSame(dead.added, { [validatedSample('revoked', 'web')]: 1 })
})

t.test('validated counts refused refresh tokens, and not those that were spent', async (t) => {
  const clock = stoppedClock()
  const store = new CommandedStore()
  const options: Partial<OAuthTelemetryOptions> = { now: clock.now, store, refreshToken: { idleTtl: 1000 } }
  const fastify = await buildServer(t, options)
  const issue = async () => {
    const { refresh_token = '' } = await fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
    return refresh_token
  }
  const spent = await issue()
  const refreshed = await validationsDuring(fastify, () => refresh(fastify, spent))
  t.strictSame(refreshed.added, {}, 'a rotation is no validation')

  const cases: Record<string, () => Promise<unknown>> = {
    'not_found unknown': () => refresh(fastify, 'never-issued'),
    'wrong_client backend': async () => {
      const ofAnother = await issue()
      const asBackend = { client_id: 'backend', client_secret: 'backend-secret' }
      return refresh(fastify, ofAnother, asBackend)
    },
    'reused web': () => refresh(fastify, spent),
    'revoked web': async () => {
      const token = await issue()
      await fastify.oauth.revoke({ token, reason: 'logout', by: 'user' })
      return refresh(fastify, token)
    },
    'unavailable unknown': async () => {
      const token = await issue()
      store.goDown()
      const { statusCode } = await refresh(fastify, token)
      store.comeBack()
      t.equal(statusCode, 503)
    }
  }
  for (const [what, act] of Object.entries(cases)) {
    const { added } = await validationsDuring(fastify, act)
    const [reason, client] = what.split(' ')
    const labels = `oauth2_client_id="${client}",oauth2_validation_reason="${reason}",oauth2_validation_result="invalid"`
    t.strictSame(added, { [`oauth2_token_validated_total{${labels}}`]: 1 }, what)
  }
})

t.test('a refresh token presented at its end counts as expired, of its client', async (t) => {
  const clock = stoppedClock()
  const fastify = await buildServer(t, { now: clock.now, refreshToken: { idleTtl: 100 } })
  const { refresh_token = '' } = await fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  clock.advance(100)
  const { statusCode } = await refresh(fastify, refresh_token)
  t.equal(statusCode, 400)
  const validated = samplesOf(await scrape(fastify), 'oauth2_token_validated_total')
  t.equal(
    validated['{oauth2_client_id="web",oauth2_validation_reason="expired",oauth2_validation_result="expired"}'],
    1
  )
})

t.test('the form of a request that is no refresh at all is no validation', async (t) => {
  const fastify = await buildServer(t)
  const { added } = await validationsDuring(fastify, async () => {
    await postForm(fastify, '/oauth/token', { grant_type: 'refresh_token', client_id: 'web' })
    await postForm(fastify, '/oauth/token', { grant_type: 'refresh_token', client_id: 'nobody', refresh_token: 'x' })
    await postForm(fastify, '/oauth/revoke', { client_id: 'web', token: `${segment({})}.x.y` })
  })
  t.strictSame(added, {})
})

t.test('what fails in a way nobody foresaw is a 500, and counts as unavailable', async (t) => {
  let time = () => Date.now() / 1000
  const fastify = await buildServer(t, { now: () => time() })
  const { access_token } = await fastify.oauth.issue({ clientId: 'web', subject: 'alice' })
  const { result, added } = await validationsDuring(fastify, async () => {
    const works = time
    time = () => {
      throw new Error('canary')
    }
    const response = await callOrders(fastify, access_token)
    time = works
    return response
  })
  t.equal(result.statusCode, 500)
  t.strictSame(added, { [validatedSample('unavailable')]: 1 })
})
