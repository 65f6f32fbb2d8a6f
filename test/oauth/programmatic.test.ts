import t from 'tap'
import type { IssueOptions, RevokeRequest } from '../../lib/index.ts'
import { CommandedStore } from '../support/commanded-store.ts'
import { scrape } from '../support/metrics.ts'
import { buildServer, callOrders, ISSUER, refresh } from '../support/server.ts'

t.test('issue: a token for a subject, with a refresh token where it is wanted', async (t) => {
  const fastify = await buildServer(t)
  const issued = await fastify.oauth.issue({
    clientId: 'web',
    subject: 'alice',
    scope: ['orders:read'],
    refreshable: true,
    claims: { tenant: 't1', roles: ['clerk'] }
  })
  t.equal(issued.scope, 'orders:read')
  const { claims, clientId, scope, own } = await fastify.oauth.validate(issued.access_token, 'orders:read')
  t.match(claims, { sub: 'alice', client_id: 'web', tenant: 't1', roles: ['clerk'] })
  t.strictSame({ clientId, scope, own }, { clientId: 'web', scope: ['orders:read'], own: true })
  t.same((await callOrders(fastify, issued.access_token)).json(), { sub: 'alice' })
  t.equal((await refresh(fastify, issued.refresh_token ?? '')).json().scope, 'orders:read')
})

t.test('issue: the grant type is counted if this server has it, and as _OTHER if not', async (t) => {
  const fastify = await buildServer(t, { grants: { 'urn:example:login': async () => ({}) } })
  for (const [grantType, counted] of [
    [undefined, 'direct'],
    ['direct', 'direct'],
    ['refresh_token', 'refresh_token'],
    ['client_credentials', 'client_credentials'],
    ['urn:example:login', 'urn:example:login'],
    ['login of alice', '_OTHER'],
    ['__proto__', '_OTHER']
  ] as const) {
    const label = `oauth2_token_issued_total{oauth2_client_id="web",oauth2_grant_type="${counted}"}`
    const before = (await scrape(fastify)).get(label) ?? 0
    await fastify.oauth.issue({ clientId: 'web', subject: 'alice', ...(grantType === undefined ? {} : { grantType }) })
    t.equal((await scrape(fastify)).get(label), before + 1, String(grantType))
  }
})

t.test('validate: a scope token that is none is a mistake of the application', async (t) => {
  const fastify = await buildServer(t)
  const { access_token: token } = await fastify.oauth.issue({ clientId: 'web', subject: 'alice' })
  for (const wrong of ['', 'orders:read orders:write', 'a"b', 'é']) {
    await t.rejects(fastify.oauth.validate(token, 'orders:read', wrong), {
      name: 'TypeError',
      message: `oauth.validate: "${wrong}" is not a scope token (RFC 6749 section 3.3)`
    })
  }
})

t.test('issue: defaults are the client itself, its scope, the first audience, no refresh token', async (t) => {
  const fastify = await buildServer(t)
  const { access_token: token, ...rest } = await fastify.oauth.issue({ clientId: 'reports' })
  t.strictSame(rest, { token_type: 'Bearer', expires_in: 3600, scope: 'orders:read orders:write' })
  t.equal((await fastify.oauth.validate(token)).claims.sub, 'reports')
  t.equal(
    (await scrape(fastify)).get('oauth2_token_issued_total{oauth2_client_id="reports",oauth2_grant_type="direct"}'),
    1
  )
})

t.test('issue: an empty scope is no scope, not all of it', async (t) => {
  const fastify = await buildServer(t)
  const issued = await fastify.oauth.issue({ clientId: 'web', subject: 'alice', scope: [], refreshable: true })
  t.notOk('scope' in issued)
  t.equal((await callOrders(fastify, issued.access_token)).statusCode, 403)
  const next = (await refresh(fastify, issued.refresh_token ?? '')).json()
  t.notOk('scope' in next, 'nor after a refresh')
  t.equal((await refresh(fastify, next.refresh_token, { scope: 'orders:read' })).json().error, 'invalid_scope')
})

const nested = (depth: number): Record<string, unknown> => (depth === 0 ? {} : { in: nested(depth - 1) })

t.test('issue: what cannot be issued is refused', async (t) => {
  const fastify = await buildServer(t)
  const subject = 'the subject must be a non-empty string'
  const refreshable = 'refreshable needs a subject, and a client with the refresh_token grant'
  const wrong: [IssueOptions, { name: string; message?: string | RegExp; code?: string }][] = [
    [{ clientId: 'stranger' }, { name: 'TypeError', message: 'oauth.issue: there is no client "stranger"' }],
    [
      { clientId: 'web', subject: '' },
      { name: 'TypeError', message: subject }
    ],
    [JSON.parse('{"clientId":"web","subject":42}'), { name: 'TypeError', message: subject }],
    [JSON.parse('{"clientId":"web","subject":null}'), { name: 'TypeError', message: subject }],
    [
      { clientId: 'web', subject: 'alice \ud800' },
      { name: 'TypeError', message: 'the subject must be well-formed Unicode without U+0000' }
    ],
    [
      { clientId: 'web', subject: 'alice\0' },
      { name: 'TypeError', message: 'the subject must be well-formed Unicode without U+0000' }
    ],
    [
      { clientId: 'web', refreshable: true },
      { name: 'TypeError', message: refreshable }
    ],
    [
      { clientId: 'reports', subject: 'alice', refreshable: true },
      { name: 'TypeError', message: refreshable }
    ],
    [
      { clientId: 'web', subject: 'reports' },
      { name: 'OAuthError', code: 'invalid_request' }
    ],
    [
      { clientId: 'web', scope: ['admin'] },
      { name: 'OAuthError', code: 'invalid_scope' }
    ],
    [
      { clientId: 'web', scope: ['orders:read orders:write'] },
      {
        name: 'TypeError',
        message: 'oauth.issue: "orders:read orders:write" is not a scope token (RFC 6749 section 3.3)'
      }
    ],
    [
      JSON.parse('{"clientId":"web","scope":"orders:read"}'),
      { name: 'TypeError', message: 'oauth.issue: scope must be an array of scope tokens' }
    ],
    [
      Object.assign({ clientId: 'web' }, { subject: undefined }),
      {
        name: 'TypeError',
        message: 'oauth.issue: subject is undefined: leave it out for a client that acts for itself'
      }
    ],
    [
      Object.assign({ clientId: 'web' }, { subjct: 'alice' }),
      {
        name: 'TypeError',
        message:
          'oauth.issue has no "subjct": it takes clientId, subject, scope, audience, refreshable, claims, grantType'
      }
    ],
    [
      JSON.parse('{"clientId":"web","subject":"alice","refreshable":"no"}'),
      { name: 'TypeError', message: 'oauth.issue: refreshable must be true or false' }
    ],
    ...[null, 'tenant', ['tenant']].map((claims): [IssueOptions, { name: string; message: string }] => [
      JSON.parse(JSON.stringify({ clientId: 'web', claims })),
      { name: 'TypeError', message: 'claims must be an object' }
    ]),
    ...[{ nbf: 'never' }, { azp: 7 }, nested(16)].map((claims): [IssueOptions, { name: string; message: string }] => [
      { clientId: 'web', claims },
      {
        name: 'TypeError',
        message:
          'claims: nbf must be a NumericDate, azp a non-empty string (RFC 7519), and nothing nested deeper than 15'
      }
    ]),
    [
      { clientId: 'web', claims: { text: 'x'.repeat(6000) } },
      { name: 'TypeError', message: /^an access token may have 8192 characters, and this one has \d+$/ }
    ],
    [
      { clientId: 'web', audience: 'https://other.example' },
      { name: 'OAuthError', code: 'invalid_target' }
    ]
  ]
  for (const [options, error] of wrong) await t.rejects(fastify.oauth.issue(options), error, JSON.stringify(options))
})

t.test('revoke: by the token, or by the id of an access token; once', async (t) => {
  const fastify = await buildServer(t)
  const revoke = (request: Pick<RevokeRequest, 'token' | 'tokenId'>) =>
    fastify.oauth.revoke({ ...request, reason: 'logout', by: 'user' })
  const issued = await fastify.oauth.issue({ clientId: 'web', subject: 'alice', refreshable: true })
  const { claims } = await fastify.oauth.validate(issued.access_token)
  t.same(await revoke({ tokenId: String(claims.jti) }), { revoked: 1 })
  t.equal((await callOrders(fastify, issued.access_token)).statusCode, 401)
  const next = (await refresh(fastify, issued.refresh_token ?? '')).json()
  t.same(await revoke({ token: next.refresh_token }), { revoked: 2 }, 'a refresh token with its family')
  t.same(await revoke({ token: next.refresh_token }), { revoked: 0 })
  t.same(await revoke({ token: next.access_token }), { revoked: 0 })
  t.same(await revoke({ token: 'unknown' }), { revoked: 0 })
  t.same(await revoke({ tokenId: 'unknown' }), { revoked: 0 })
  const labels = 'oauth2_client_id="web",oauth2_revocation_reason="logout"'
  t.equal((await scrape(fastify)).get(`oauth2_token_revoked_total{${labels}}`), 3)
})

t.test('revoke: restricted to a client, it leaves the tokens of others alone', async (t) => {
  const fastify = await buildServer(t)
  const { access_token: token } = await fastify.oauth.issue({ clientId: 'web', subject: 'alice' })
  const request = { token, reason: 'logout', by: 'user' }
  t.same(await fastify.oauth.revoke({ ...request, clientId: 'reports' }), { revoked: 0 })
  t.equal((await callOrders(fastify, token)).statusCode, 200)
  t.same(await fastify.oauth.revoke({ ...request, clientId: 'web' }), { revoked: 1 })
})

t.test('revoke: naming nothing, or two things, is a mistake and not a success', async (t) => {
  const fastify = await buildServer(t)
  for (const wrong of ['{}', '{"token":""}', '{"tokenId":""}', '{"token":null}', '{"token":"a","tokenId":"b"}']) {
    await t.rejects(
      fastify.oauth.revoke({ ...JSON.parse(wrong), reason: 'logout', by: 'user' }),
      { name: 'TypeError', message: 'revoke needs exactly one of token and tokenId, a non-empty string' },
      wrong
    )
  }
})

t.test('revokeAll: exactly one of subject, family and clientId', async (t) => {
  const fastify = await buildServer(t)
  const wrong = [
    '{}',
    '{"subject":""}',
    '{"clientId":""}',
    '{"subject":null}',
    '{"subject":"a","family":"b"}',
    '{"family":7}'
  ]
  for (const owner of wrong) {
    await t.rejects(
      fastify.oauth.revokeAll({ ...JSON.parse(owner), reason: 'logout', by: 'user' }),
      {
        name: 'TypeError',
        message: 'revokeAll needs exactly one of subject, family and clientId, a non-empty string'
      },
      owner
    )
  }
})

t.test('revokeAll: a lone surrogate names nobody, and must not be taken for another', async (t) => {
  const fastify = await buildServer(t)
  for (const kind of ['subject', 'family', 'clientId']) {
    await t.rejects(
      fastify.oauth.revokeAll({ [kind]: 'alice \udfff', reason: 'logout', by: 'user' }),
      { name: 'TypeError', message: `the ${kind} must be well-formed Unicode without U+0000` },
      kind
    )
  }
})

t.test('a reason that is not of the closed set is counted as _OTHER, unless it is configured', async (t) => {
  const fastify = await buildServer(t, { revocationReasons: ['offboarding'] })
  for (const [reason, counted] of [
    ['offboarding', 'offboarding'],
    ['because <b>', '_OTHER'],
    ['__proto__', '_OTHER'],
    ['logout', 'logout']
  ] as const) {
    const label = `oauth2_token_revoked_total{oauth2_client_id="web",oauth2_revocation_reason="${counted}"}`
    const before = (await scrape(fastify)).get(label) ?? 0
    await fastify.oauth.issue({ clientId: 'web', subject: 'alice' })
    t.same(await fastify.oauth.revokeAll({ subject: 'alice', reason, by: 'admin' }), { revoked: 1 })
    t.equal((await scrape(fastify)).get(label), before + 1, reason)
  }
})

t.test('issue: claims are those of a JSON object; the registered ones are not taken, whatever they are', async (t) => {
  const fastify = await buildServer(t)
  for (const claims of [new Date(), { toJSON: () => 'text' }, { toJSON: () => undefined }, { toJSON: () => [1] }]) {
    await t.rejects(fastify.oauth.issue({ clientId: 'web', claims: { ...claims, toJSON: () => claims.toJSON('') } }), {
      name: 'TypeError',
      message: 'claims must be an object'
    })
  }
  const claims = { sub: 7, jti: 7, scope: ['admin'], iss: 'me', tenant: 't1' }
  const { access_token } = await fastify.oauth.issue({ clientId: 'web', subject: 'alice', claims })
  t.match((await fastify.oauth.validate(access_token)).claims, { sub: 'alice', iss: ISSUER, tenant: 't1' })
})

t.test('issue: what cannot be signed has never been, in no store', async (t) => {
  const store = new CommandedStore()
  const fastify = await buildServer(t, { store })
  await t.rejects(fastify.oauth.issue({ clientId: 'reports', claims: { text: 'x'.repeat(6000) } }), TypeError)
  t.strictSame(store.written, [])
  t.equal(await store.live('access', Date.now() / 1000), 0)
})

t.test('revoke and revokeAll: a property that there is not restricts nothing, so it is refused', async (t) => {
  const fastify = await buildServer(t)
  const { access_token: token } = await fastify.oauth.issue({ clientId: 'web', subject: 'alice' })
  const wrong = { token, clientID: 'reports', reason: 'logout', by: 'user' }
  await t.rejects(fastify.oauth.revoke(wrong), {
    name: 'TypeError',
    message: 'oauth.revoke has no "clientID": it takes token, tokenId, clientId, reason, by'
  })
  await t.rejects(fastify.oauth.revokeAll({ ...{ user: 'alice' }, subject: 'alice', reason: 'logout', by: 'user' }), {
    name: 'TypeError',
    message: 'oauth.revokeAll has no "user": it takes subject, family, clientId, reason, by'
  })
  await t.rejects(fastify.oauth.revoke({ token, clientId: undefined, reason: 'logout', by: 'user' }), {
    name: 'TypeError',
    message: 'oauth.revoke: clientId is undefined: leave it out if all is meant'
  })
  await t.rejects(fastify.oauth.revokeAll({ subject: undefined, clientId: 'web', reason: 'logout', by: 'user' }), {
    name: 'TypeError',
    message: 'oauth.revokeAll: subject is undefined: leave it out if all is meant'
  })
  t.equal((await callOrders(fastify, token)).statusCode, 200)
})
