import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { TestKey } from './jwt.ts'

/** A real key server on loopback, and what it has been asked for. */
export interface KeyServer {
  readonly url: string
  /** The paths of the requests, in order. */
  readonly requests: string[]
  /** What it answers, by path; anything else is 404. */
  readonly routes: Map<string, RequestListener>
}

/** Starts a server with these answers; it is closed when the test ends. */
export async function startKeyServer(t: Test, routes: Record<string, RequestListener> = {}): Promise<KeyServer> {
  const keyServer = { url: '', requests: [] as string[], routes: new Map(Object.entries(routes)) }
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    keyServer.requests.push(path)
    const route = keyServer.routes.get(path)
    if (route === undefined) response.writeHead(404).end()
    else route(request, response)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  keyServer.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return keyServer
}

/** Answers with JSON. */
export function json(value: unknown): RequestListener {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  }
}

/** Answers with the public halves of keys. */
export function jwks(...keys: TestKey[]): RequestListener {
  return json({ keys: keys.map(({ publicJwk }) => publicJwk) })
}

/** Answers with a redirect. */
export function redirectTo(location: string): RequestListener {
  return (_request, response) => {
    response.writeHead(302, { location }).end()
  }
}
