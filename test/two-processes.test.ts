import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import t, { type Test } from 'tap'
import { request } from 'undici'
import { forgeJwt, makeKey, signJwt } from './support/jwt.ts'
import { parseMetrics } from './support/metrics.ts'
import { CHALLENGE, validatedSample } from './support/resource-server.ts'
import { basic } from './support/server.ts'

/** Starts a fixture as a real process, ended with the test; resolves when it listens. */
async function start(t: Test, fixture: string, ...args: string[]): Promise<{ url: string; child: ChildProcess }> {
  const path = fileURLToPath(new URL(`./fixtures/${fixture}`, import.meta.url))
  const child = fork(path, args, { execArgv: [], env: {} })
  t.teardown(() => stop(child))
  const exited = once(child, 'exit').then(([code]) => Promise.reject(new Error(`${fixture} ended with ${code}`)))
  const [{ url }] = (await Promise.race([once(child, 'message'), exited])) as [{ url: string }]
  exited.catch(() => {})
  return { url, child }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill()
  await exited
}

async function getToken(issuer: string, scope: string): Promise<string> {
  const { statusCode, body } = await request(`${issuer}/oauth/token`, {
    method: 'POST',
    headers: {
      authorization: basic('reports', 'reports-secret'),
      'content-type': 'application/x-www-form-urlencoded'
    },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope }).toString()
  })
  const answer = (await body.json()) as { access_token: string }
  if (statusCode !== 200) throw new Error(`the token endpoint answered ${statusCode}`)
  return answer.access_token
}

async function getOrders(resourceServer: string, token: string) {
  const { statusCode, headers, body } = await request(`${resourceServer}/orders`, {
    headers: { authorization: `Bearer ${token}` }
  })
  return { statusCode, challenge: headers['www-authenticate'], body: (await body.json()) as Record<string, unknown> }
}

t.test(
  'a token issued in one process is accepted in another that only knows the issuer, and a forged one is not',
  async (t) => {
    const issuer = await start(t, 'issuer-process.ts')
    const resourceServer = await start(t, 'resource-server-process.ts', issuer.url)
    const token = await getToken(issuer.url, 'orders:read')

    const accepted = await getOrders(resourceServer.url, token)
    t.equal(accepted.statusCode, 200)
    t.strictSame(accepted.body, { sub: 'reports', own: false, pid: resourceServer.child.pid })
    t.not(issuer.child.pid, resourceServer.child.pid)

    const { kid = '', ...header } = decodeProtectedHeader(token)
    const claims = decodeJwt(token)
    const [head, , signature] = token.split('.')
    const forged = {
      'by another key under the same kid': signJwt(makeKey(kid, 'RS256'), claims),
      'with a changed payload': `${head}.${forgeJwt('', { ...claims, scope: 'orders:read orders:write' }).split('.')[1]}.${signature}`,
      'with alg none': forgeJwt({ ...header, kid, alg: 'none' }, claims)
    }
    for (const [what, token] of Object.entries(forged)) {
      const refused = await getOrders(resourceServer.url, token)
      t.equal(refused.statusCode, 401, what)
      t.equal(refused.challenge, CHALLENGE.token, what)
      t.equal(refused.body.error, 'invalid_token', what)
    }

    const narrow = await getOrders(resourceServer.url, await getToken(issuer.url, 'orders:write'))
    t.equal(narrow.statusCode, 403)
    t.equal(narrow.challenge, CHALLENGE.scope)

    await stop(issuer.child)
    t.equal((await getOrders(resourceServer.url, token)).statusCode, 200, 'with the issuer gone, its keys still count')

    const metrics = parseMetrics(await (await request(`${resourceServer.url}/metrics`)).body.text())
    t.equal(metrics.get(validatedSample(undefined, 'reports')), 2)
    t.equal(metrics.get(validatedSample('bad_signature')), 2)
    t.equal(metrics.get(validatedSample('unsupported_algorithm')), 1)
    t.equal(metrics.get(validatedSample('insufficient_scope', 'reports')), 1)
    t.equal(metrics.get(`oauth2_keys_fetched_total{oauth2_issuer="${issuer.url}",oauth2_outcome="success"}`), 1)
    t.equal(metrics.get(`oauth2_keys_fetched_total{oauth2_issuer="${issuer.url}",oauth2_outcome="failure"}`), 0)
  }
)
