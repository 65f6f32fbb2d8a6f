import type { FastifyRequest } from 'fastify'

const NAME = 'authorization'

/** Every Authorization header of a request: Node keeps only the first in `headers`, which would hide a second one. */
export function authorizationHeaders({ raw: { rawHeaders } }: FastifyRequest): readonly string[] {
  const values: string[] = []
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]
    const value = rawHeaders[index + 1]
    if (name?.length === NAME.length && name.toLowerCase() === NAME && value !== undefined) values.push(value)
  }
  return values
}
