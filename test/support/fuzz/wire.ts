import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** A request as the bytes it is. */
export interface RawRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** Names and values, one byte per character. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body?: Buffer
}

export interface RawResponse {
  readonly status: number
  /** Names in lower case; a header that appears twice has two values. */
  readonly headers: ReadonlyMap<string, readonly string[]>
  readonly body: string
}

function encode({ method, path, headers, body }: RawRequest): Buffer {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const length = body === undefined ? '' : `content-length: ${body.length}\r\n`
  const head = Buffer.from(`${method} ${path} HTTP/1.1\r\nhost: localhost\r\n${lines}${length}\r\n`, 'latin1')
  return body === undefined ? head : Buffer.concat([head, body])
}

/** One connection on which many requests are under way: quicker than any client, and it sends whatever it is given. */
export class Wire {
  readonly #socket: Socket
  #received = ''
  #wake: () => void = () => {}

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (text) => {
      this.#received += text
      this.#wake()
    })
    socket.on('error', () => {})
    socket.on('close', () => this.#wake())
  }

  static async open(port: number): Promise<Wire> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    return new Wire(socket)
  }

  /** Sends all of the requests at once; the responses come in the same order. */
  async send(requests: readonly RawRequest[]): Promise<RawResponse[]> {
    this.#socket.write(Buffer.concat(requests.map(encode)))
    const responses: RawResponse[] = []
    while (responses.length < requests.length) {
      const response = this.#next()
      if (response !== undefined) responses.push(response)
      else if (this.#socket.closed) throw new Error(`the server hung up after ${responses.length} responses`)
      else await this.#more()
    }
    return responses
  }

  close(): void {
    this.#socket.destroy()
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  #next(): RawResponse | undefined {
    const end = this.#received.indexOf('\r\n\r\n')
    if (end === -1) return undefined
    const [statusLine = '', ...lines] = this.#received.slice(0, end).split('\r\n')
    const headers = new Map<string, string[]>()
    for (const line of lines) {
      const [, name = '', value = ''] = /^([^:]+): ?(.*)$/.exec(line) ?? []
      headers.set(name.toLowerCase(), [...(headers.get(name.toLowerCase()) ?? []), value])
    }
    const bodyEnd = end + 4 + Number(headers.get('content-length')?.[0])
    if (!(this.#received.length >= bodyEnd)) return undefined
    const body = this.#received.slice(end + 4, bodyEnd)
    this.#received = this.#received.slice(bodyEnd)
    return { status: Number(statusLine.split(' ')[1]), headers, body }
  }
}

/** The same without a connection, for requests after which a server may hang up. */
export async function injectAll(fastify: FastifyInstance, requests: readonly RawRequest[]): Promise<RawResponse[]> {
  const responses = await Promise.all(requests.map((request) => inject(fastify, request)))
  return responses.map(({ statusCode: status, headers, body }) => {
    const values = Object.entries(headers).map(([name, value]) => [name, [value].flat().map(String)] as const)
    return { status, headers: new Map(values), body }
  })
}

function inject(fastify: FastifyInstance, { method, path, headers, body }: RawRequest) {
  const values: Record<string, string[]> = {}
  for (const [name, value] of headers) values[name] = [...(values[name] ?? []), value]
  const single = Object.entries(values).map(([name, all]) => [name, all.length === 1 ? all[0] : all])
  return fastify.inject({ method, url: path, headers: Object.fromEntries(single), ...(body && { payload: body }) })
}
