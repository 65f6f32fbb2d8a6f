import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

/** What stands between clients and a server, and sees how often they speak in turn. */
export interface Proxy {
  readonly port: number
  /** How often a client has spoken and the server has answered, in all connections. */
  roundTrips(): number
}

/** A proxy in front of a port of the loopback address. */
export async function startProxy(t: Test, target: number): Promise<Proxy> {
  let roundTrips = 0
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1')
    let asked = false
    client.on('data', () => {
      asked = true
    })
    upstream.on('data', () => {
      if (asked) roundTrips += 1
      asked = false
    })
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
    }
    client.pipe(upstream).pipe(client)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('there is no port')
  return { port: address.port, roundTrips: () => roundTrips }
}
