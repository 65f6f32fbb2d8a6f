import t from 'tap'
import { OAuthError, type OAuthErrorOptions, type TokenEvent } from '../../lib/index.ts'
import { scrape } from '../support/metrics.ts'
import { buildServer, postForm } from '../support/server.ts'

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code'

/** The states of a device's authorization (RFC 8628 section 3.5). */
const STATES: Readonly<Record<string, string>> = {
  authorization_pending: 'The user has not decided yet.',
  slow_down: 'The device asks too often.',
  expired_token: 'The device code has expired.',
  access_denied: 'The user has refused.'
}

t.test('an extension grant answers with the error codes of its own RFC: 400, and _OTHER on the metric', async (t) => {
  const events: TokenEvent[] = []
  const fastify = await buildServer(t, {
    clients: [{ id: 'tv', grants: [DEVICE_CODE], scope: ['play'] }],
    grants: {
      [DEVICE_CODE]: async ({ form }) => {
        const state = form.get('device_code') ?? ''
        const description = STATES[state]
        if (description !== undefined) throw new OAuthError(state, description)
        return { subject: 'alice' }
      }
    },
    telemetry: { onEvent: (event) => void events.push(event) }
  })
  const poll = (state: string) =>
    postForm(fastify, '/oauth/token', { grant_type: DEVICE_CODE, client_id: 'tv', device_code: state })
  for (const [error, description] of Object.entries(STATES)) {
    const response = await poll(error)
    t.equal(response.statusCode, 400, error)
    t.same(response.json(), { error, error_description: description })
    t.match(events.pop(), { operation: 'token', error, grantType: DEVICE_CODE }, 'the event names it')
  }
  t.equal((await poll('decided')).json().scope, 'play')
  const samples = await scrape(fastify)
  const labels = `error_type="_OTHER",oauth2_client_id="unknown",oauth2_grant_type="${DEVICE_CODE}"`
  t.equal(samples.get(`oauth2_token_refused_total{${labels}}`), 4)
  t.notMatch([...samples.keys()].join('\n'), /slow_down|authorization_pending/)
})

t.test('OAuthError has the status of its code, or 400, or the one it is given', async (t) => {
  const cases: [string, OAuthErrorOptions, number][] = [
    ['invalid_client', {}, 401],
    ['slow_down', {}, 400],
    ['toString', {}, 400],
    ['slow_down', { status: 429, retryAfter: 5 }, 429]
  ]
  for (const [code, options, status] of cases) {
    const error = new OAuthError(code, 'A sentence.', options)
    t.match(error, { code, status, description: 'A sentence.', retryAfter: options.retryAfter })
    t.match(error.withFacts({ grantType: 'x' }), { code, status, facts: { grantType: 'x' } })
  }
})

t.test('OAuthError refuses what RFC 6749 section 5.2 does not let it send', (t) => {
  for (const wrong of ['', 'a"b', 'a\\b', 'é', 'a\nb']) {
    t.throws(() => new OAuthError(wrong, 'A sentence.'), {
      name: 'TypeError',
      message: 'OAuthError: code must be printable ASCII without quotes and backslashes'
    })
    t.throws(() => new OAuthError('slow_down', wrong), {
      name: 'TypeError',
      message: 'OAuthError: description must be printable ASCII without quotes and backslashes'
    })
  }
  t.throws(() => Reflect.construct(OAuthError, ['slow_down']), {
    name: 'TypeError',
    message: /^OAuthError: description/
  })
  for (const status of [200, 399, 600, 400.5]) {
    t.throws(() => new OAuthError('slow_down', 'A sentence.', { status }), {
      name: 'TypeError',
      message: 'OAuthError: status must be a whole number from 400 to 599'
    })
  }
  t.end()
})
