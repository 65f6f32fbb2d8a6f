import type { Client } from '../lib/index.ts'

/** For development only: everybody knows their secrets. */
export const DEMO_CLIENTS: readonly Client[] = [
  {
    id: 'reports',
    secret: 'reports-secret',
    grants: ['client_credentials'],
    scope: ['orders:read', 'orders:write']
  },
  { id: 'web', grants: ['refresh_token'], scope: ['orders:read', 'orders:write'] },
  { id: 'gateway', secret: 'gateway-secret', introspect: true },
  { id: 'admin', secret: 'admin-secret', grants: ['client_credentials'], scope: ['tokens:revoke'] }
]

const isText = (value: unknown) => typeof value === 'string' && value !== ''
const isTexts = (value: unknown) => Array.isArray(value) && value.every(isText)
const isTextOrTexts = (value: unknown) => isText(value) || isTexts(value)

/** What a client in a file may have. */
const PROPERTIES = new Map<string, { readonly is: (value: unknown) => boolean; readonly expected: string }>([
  ['id', { is: isText, expected: 'a non-empty string' }],
  ['secret', { is: isTextOrTexts, expected: 'a non-empty string, or an array of them' }],
  ['secretDigest', { is: isTextOrTexts, expected: 'a non-empty string, or an array of them' }],
  ['grants', { is: isTexts, expected: 'an array of non-empty strings' }],
  ['scope', { is: isTexts, expected: 'an array of non-empty strings' }],
  [
    'introspect',
    { is: (value) => typeof value === 'boolean' || isTexts(value), expected: 'true, false or an array of audiences' }
  ]
])

/**
 * Checks what was read from a file of clients; what their values mean is checked by the plugin.
 *
 * @throws TypeError naming what is wrong, and no value
 */
export function parseClients(json: unknown): readonly Client[] {
  if (!Array.isArray(json) || json.length === 0) throw new TypeError('it must hold an array of clients')
  for (const [index, client] of json.entries()) {
    if (client === null || typeof client !== 'object') throw new TypeError(`[${index}] must be an object`)
    if (!('id' in client)) throw new TypeError(`[${index}].id is missing`)
    for (const [name, value] of Object.entries(client)) {
      const property = PROPERTIES.get(name)
      if (property === undefined) {
        throw new TypeError(
          `[${index}].${name} is not a property of clients: they have ${[...PROPERTIES.keys()].join(', ')}`
        )
      }
      if (!property.is(value)) throw new TypeError(`[${index}].${name} must be ${property.expected}`)
    }
  }
  return json
}
