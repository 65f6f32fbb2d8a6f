import swagger from '@fastify/swagger'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import oauthTelemetry from '../../lib/index.ts'
import { basic, OPTIONS, postForm } from '../support/server.ts'

const FORM = 'application/x-www-form-urlencoded'
const text = { type: 'string' }

/** The OpenAPI document of a server with nothing but the plugin. */
async function documented(t: Test) {
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  await fastify.register(swagger, { openapi: { info: { title: 'tokens', version: '1.0.0' } } })
  await fastify.register(oauthTelemetry, OPTIONS)
  await fastify.ready()
  return { fastify, paths: JSON.parse(JSON.stringify(fastify.swagger())).paths }
}

t.test('the document shows the endpoints, and leaves /metrics out', async (t) => {
  const { paths } = await documented(t)
  const shown = Object.entries<object>(paths).map(([path, methods]) => [path, ...Object.keys(methods)])
  t.strictSame(shown.sort(), [
    ['/.well-known/oauth-authorization-server', 'get'],
    ['/oauth/introspect', 'post'],
    ['/oauth/jwks', 'get'],
    ['/oauth/revoke', 'post'],
    ['/oauth/token', 'post']
  ])
})

t.test('it shows the forms, which are read as forms only', async (t) => {
  const { paths } = await documented(t)
  const credentials = { client_id: text, client_secret: text }
  const hinted = {
    type: 'object',
    required: ['token'],
    properties: { token: text, token_type_hint: text, ...credentials }
  }
  const formOf = (path: string) => paths[path].post.requestBody.content
  t.strictSame(formOf('/oauth/revoke'), { [FORM]: { schema: hinted } })
  t.strictSame(formOf('/oauth/introspect'), { [FORM]: { schema: hinted } })
  t.strictSame(formOf('/oauth/token'), {
    [FORM]: {
      schema: {
        type: 'object',
        required: ['grant_type'],
        properties: {
          grant_type: text,
          scope: text,
          refresh_token: text,
          resource: { ...text, description: 'RFC 8707' },
          ...credentials
        }
      }
    }
  })
})

t.test('it shows the answers, refusals included', async (t) => {
  const { paths } = await documented(t)
  const refusals = ['400', '401', '413', '429', '500', '503']
  const codes = (path: string) => Object.keys(paths[path].post.responses)
  t.strictSame(codes('/oauth/token'), ['200', ...refusals])
  t.strictSame(codes('/oauth/revoke'), ['200', ...refusals])
  t.strictSame(codes('/oauth/introspect').sort(), ['200', '403', ...refusals].sort())
  const members = (path: string, code: string) =>
    Object.keys(paths[path].post.responses[code].content['application/json'].schema.properties)
  t.strictSame(members('/oauth/token', '200'), ['access_token', 'token_type', 'expires_in', 'refresh_token', 'scope'])
  t.strictSame(members('/oauth/introspect', '200').sort(), [
    ...['active', 'aud', 'client_id', 'exp', 'iat', 'iss', 'jti', 'scope', 'sub', 'token_type']
  ])
  for (const code of refusals) t.strictSame(members('/oauth/token', code), ['error', 'error_description'])
  t.notOk('content' in paths['/oauth/revoke'].post.responses['200'], 'a revocation answers with nothing')
  t.ok('application/jwk-set+json' in paths['/oauth/jwks'].get.responses['200'].content)
  for (const { get, post } of Object.values<Record<string, { summary: string; responses: object }>>(paths)) {
    const { summary, responses } = get ?? post ?? { summary: '', responses: {} }
    t.match(summary, /RFC \d+/)
    t.notMatch(JSON.stringify(responses), 'Default Response', 'each answer is described')
  }
})

t.test('the schemas describe and do not check: the rules of OAuth answer', async (t) => {
  const { fastify } = await documented(t)
  const authorization = basic('reports', 'reports-secret')
  const refused = await postForm(fastify, '/oauth/token', 'scope=x', { authorization })
  t.strictSame(refused.json(), { error: 'invalid_request', error_description: 'The grant_type parameter is missing.' })
  const answered = await postForm(fastify, '/oauth/token', 'grant_type=client_credentials', { authorization })
  t.equal(answered.statusCode, 200)
})
