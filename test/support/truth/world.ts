import assert from 'node:assert/strict'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import type { CommandedStore } from '../commanded-store.ts'
import type { Random } from '../random.ts'
import { AUDIENCE, basic, postForm, type stoppedClock } from '../server.ts'
import type { ModelToken } from './ledger.ts'
import type { Model, ModelClient } from './model.ts'

/** A server, and the store it has. */
export interface Running {
  readonly server: FastifyInstance
  readonly store: CommandedStore
}

/** The real server and the model beside it. */
export interface World {
  running: Running
  /** Starts a server on what the last one, which has ended, has left. */
  readonly start: () => Promise<Running>
  readonly clock: ReturnType<typeof stoppedClock>
  readonly model: Model
  readonly random: Random
}

/** Happens to the server and to the model; rejects when they do not agree on what it came to. */
export type Step = (world: World) => Promise<void>

/** The second audience there is. */
export const FILES = 'https://files.example'
export const AUDIENCES = [AUDIENCE, FILES] as const

export const SCOPE = ['orders:read', 'orders:write'] as const
export const SUBJECTS = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'grace', 'heidi', 'ivan', 'judy'] as const

export const WEB: ModelClient = { id: 'web' }
export const MOBILE: ModelClient = { id: 'mobile' }
export const BACKEND = { id: 'backend', secret: 'backend-secret' } as const satisfies ModelClient
export const REPORTS = { id: 'reports', secret: 'reports-secret' } as const satisfies ModelClient
export const GATEWAY = { id: 'gateway', secret: 'gateway-secret' } as const satisfies ModelClient
export const FILE_SERVER = { id: 'files', secret: 'files-secret' } as const satisfies ModelClient
export const REFRESHERS = [WEB, MOBILE, BACKEND] as const

export const CLIENTS = [
  { ...REPORTS, grants: ['client_credentials'], scope: SCOPE },
  { ...BACKEND, grants: ['client_credentials', 'refresh_token'], scope: SCOPE },
  { ...WEB, grants: ['refresh_token'], scope: SCOPE },
  { ...MOBILE, grants: ['refresh_token'], scope: SCOPE },
  { ...GATEWAY, introspect: true },
  { ...FILE_SERVER, introspect: [FILES] }
]

/** Posts as a client does that says who it is in one of the ways it may. */
export function postAs(
  { running: { server }, random }: World,
  { id, secret }: ModelClient,
  endpoint: 'token' | 'revoke' | 'introspect',
  form: Readonly<Record<string, string | undefined>>
): Promise<LightMyRequestResponse> {
  const parameters = Object.entries(form).filter((entry): entry is [string, string] => entry[1] !== undefined)
  const url = `/oauth/${endpoint}`
  if (secret !== undefined && random.chance(0.5)) {
    return postForm(server, url, Object.fromEntries(parameters), { authorization: basic(id, secret) })
  }
  const credentials: Record<string, string> =
    secret === undefined ? { client_id: id } : { client_id: id, client_secret: secret }
  return postForm(server, url, { ...Object.fromEntries(parameters), ...credentials })
}

/** A token that was refused or spent, is alive, dead or long gone; `undefined` while there is none such. */
export function pickToken({ model, random }: World, wanted: (token: ModelToken) => boolean): ModelToken | undefined {
  return random.pick(model.ledger.tokens.filter(wanted))
}

export function assertRefused(response: LightMyRequestResponse, status: number, error: string): void {
  assert.deepEqual([response.statusCode, response.json().error], [status, error])
}

/** The id under which the server keeps a JWT. */
export function jtiOf(accessToken: string): string {
  return JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString()).jti
}
