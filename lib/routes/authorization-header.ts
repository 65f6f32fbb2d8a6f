import type { FastifyRequest } from 'fastify'
import { headerValues } from '../telemetry/raw-headers.ts'

/** Every Authorization header of a request: Node keeps only the first in `headers`, which would hide a second one. */
export function authorizationHeaders({ raw }: FastifyRequest): readonly string[] {
  return headerValues(raw.rawHeaders, 'authorization')
}
