import * as oauth from 'oauth4webapi'
import t from 'tap'
import { request } from 'undici'
import { parseMetrics, type Samples } from '../support/metrics.ts'
import { startExampleServer } from '../support/processes.ts'

const insecure = { [oauth.allowInsecureRequests]: true }
const reports = oauth.ClientSecretBasic('reports-secret')
const gateway = oauth.ClientSecretBasic('gateway-secret')

const callOrders = async (url: string, accessToken: string) => {
  const response = await request(`${url}/orders`, { headers: { authorization: `Bearer ${accessToken}` } })
  return { status: response.statusCode, body: await response.body.json(), headers: response.headers }
}

/** The samples of one metric, those at zero left out: they are there from the start. */
const nonZero = (samples: Samples, name: string) =>
  Object.fromEntries([...samples].filter(([key, value]) => key.startsWith(`${name}{`) && value !== 0))

t.test(
  'a strict OAuth client sees a token through its whole life, and the scrape has counted exactly that',
  async (t) => {
    const { url } = await startExampleServer(t)
    const issuer = new URL(url)

    const as = await oauth.processDiscoveryResponse(
      issuer,
      await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure })
    )
    t.equal(as.issuer, url, 'the port that was picked is in the issuer')
    t.equal(as.token_endpoint, `${url}/oauth/token`)

    const service = { client_id: 'reports' }
    const own = await oauth.processClientCredentialsResponse(
      as,
      service,
      await oauth.clientCredentialsGrantRequest(as, service, reports, { scope: 'orders:read' }, insecure)
    )
    t.equal(own.scope, 'orders:read')
    t.equal(own.refresh_token, undefined)
    t.match(await callOrders(url, own.access_token), { status: 200, body: { owner: 'reports' } })

    const login = await request(`${url}/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'alice', password: 'wonderland' })
    })
    t.equal(login.statusCode, 200)
    t.equal(login.headers['cache-control'], 'no-store')
    const first = (await login.body.json()) as { access_token: string; refresh_token: string; scope: string }
    t.equal(first.scope, 'orders:read orders:write')
    t.match(await callOrders(url, first.access_token), { status: 200, body: { owner: 'alice' } })

    const claims = await oauth.validateJwtAccessToken(
      as,
      new Request(`${url}/orders`, { headers: { authorization: `Bearer ${first.access_token}` } }),
      url,
      insecure
    )
    t.match(claims, { sub: 'alice', client_id: 'web', iss: url, aud: url }, 'RFC 9068 says a second pair of eyes')

    const web = { client_id: 'web' }
    const refresh = (token: string) => oauth.refreshTokenGrantRequest(as, web, oauth.None(), token, insecure)
    const second = await oauth.processRefreshTokenResponse(as, web, await refresh(first.refresh_token))
    t.match(await callOrders(url, second.access_token), { status: 200, body: { owner: 'alice' } })

    await t.rejects(
      oauth.processRefreshTokenResponse(as, web, await refresh(first.refresh_token)),
      { code: 'OAUTH_RESPONSE_BODY_ERROR', error: 'invalid_grant', status: 400 },
      'the old refresh token again is a reuse'
    )
    await t.rejects(
      oauth.processRefreshTokenResponse(as, web, await refresh(second.refresh_token ?? '')),
      { code: 'OAUTH_RESPONSE_BODY_ERROR', error: 'invalid_grant', status: 400 },
      'its successor has died with it'
    )
    for (const { access_token } of [first, second]) {
      const { status, headers } = await callOrders(url, access_token)
      t.equal(status, 401, 'and so have the access tokens')
      t.match(headers['www-authenticate'], /^Bearer realm="oauth", error="invalid_token"/)
    }

    const caller = { client_id: 'gateway' }
    const introspect = async (token: string) => {
      const response = await oauth.introspectionRequest(as, caller, gateway, token, insecure)
      t.equal(response.headers.get('cache-control'), 'no-store')
      return oauth.processIntrospectionResponse(as, caller, response)
    }
    for (const token of [first.access_token, second.access_token, first.refresh_token, second.refresh_token ?? '']) {
      t.strictSame(await introspect(token), { active: false })
    }
    t.match(await introspect(own.access_token), { active: true, client_id: 'reports' })

    const scraped = await request(`${url}/metrics`)
    t.equal(scraped.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
    const samples = parseMetrics(await scraped.body.text())

    t.strictSame(nonZero(samples, 'oauth2_token_issued_total'), {
      'oauth2_token_issued_total{oauth2_client_id="reports",oauth2_grant_type="client_credentials"}': 1,
      'oauth2_token_issued_total{oauth2_client_id="web",oauth2_grant_type="direct"}': 1,
      'oauth2_token_issued_total{oauth2_client_id="web",oauth2_grant_type="refresh_token"}': 1
    })
    t.strictSame(nonZero(samples, 'oauth2_token_refreshed_total'), {
      'oauth2_token_refreshed_total{oauth2_client_id="web"}': 1
    })
    t.strictSame(
      nonZero(samples, 'oauth2_token_revoked_total'),
      {
        'oauth2_token_revoked_total{oauth2_client_id="web",oauth2_revocation_reason="security_incident"}': 3
      },
      'two access tokens and the live refresh token'
    )
    t.strictSame(nonZero(samples, 'oauth2_token_reuse_detected_total'), {
      'oauth2_token_reuse_detected_total{oauth2_client_id="web",oauth2_reuse_outcome="theft"}': 1
    })
    const validated = (client: string, result: string, reason?: string) =>
      `oauth2_token_validated_total{oauth2_client_id="${client}",${
        reason === undefined ? '' : `oauth2_validation_reason="${reason}",`
      }oauth2_validation_result="${result}"}`
    t.strictSame(nonZero(samples, 'oauth2_token_validated_total'), {
      [validated('reports', 'valid')]: 1,
      [validated('web', 'valid')]: 2,
      [validated('web', 'invalid', 'revoked')]: 3,
      [validated('web', 'invalid', 'reused')]: 1
    })
    t.strictSame(nonZero(samples, 'oauth2_token_refused_total'), {
      'oauth2_token_refused_total{error_type="invalid_grant",oauth2_client_id="web",oauth2_grant_type="refresh_token"}': 2
    })
    t.strictSame(nonZero(samples, 'oauth2_token_introspected_total'), {
      'oauth2_token_introspected_total{oauth2_active="false",oauth2_client_id="gateway"}': 4,
      'oauth2_token_introspected_total{oauth2_active="true",oauth2_client_id="gateway"}': 1
    })
    t.strictSame(nonZero(samples, 'oauth2_token_age_at_refresh_count'), {
      'oauth2_token_age_at_refresh_count{oauth2_client_id="web"}': 1
    })
    t.strictSame(nonZero(samples, 'oauth2_token_active'), {
      'oauth2_token_active{oauth2_client_id="reports",oauth2_token_type="access"}': 1
    })
    t.strictSame(nonZero(samples, 'oauth2_token_expired_total'), {})
  }
)
