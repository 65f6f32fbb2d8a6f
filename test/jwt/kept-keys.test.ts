import type { FastifyInstance } from 'fastify'
import { decodeProtectedHeader } from 'jose'
import t from 'tap'
import { type GeneratedAlgorithm, MemoryStore, type OAuthTelemetryOptions } from '../../lib/index.ts'
import { makeKey } from '../support/jwt.ts'
import { assertAccepted, assertInvalidToken } from '../support/resource-server.ts'
import { buildServer } from '../support/server.ts'

const SECRET = 'a secret of thirty-two characters'
const OTHER_SECRET = 'another one, of thirty-two and more'

/** A store that tells what it keeps, and can be made to hold something else. */
class OpenStore extends MemoryStore {
  readonly kept = new Map<string, string>()

  override async keep(name: string, value: string): Promise<string> {
    this.kept.set(name, this.kept.get(name) ?? value)
    return this.kept.get(name) ?? ''
  }
}

const tokenOf = async (fastify: FastifyInstance) => (await fastify.oauth.issue({ clientId: 'reports' })).access_token

const kidOf = async (fastify: FastifyInstance) => decodeProtectedHeader(await tokenOf(fastify)).kid

t.test('a generated key survives a restart: tokens from before are good after it', async (t) => {
  for (const signingAlg of ['RS256', 'ES256', 'EdDSA'] satisfies GeneratedAlgorithm[]) {
    for (const sealing of [{}, { signingKeySecret: SECRET }]) {
      const store = new OpenStore()
      const before = await buildServer(t, { store, signingAlg, ...sealing })
      const token = await tokenOf(before)
      await before.close()
      const after = await buildServer(t, { store, signingAlg, ...sealing })
      await assertAccepted(t, after, token, 'reports', `${signingAlg} ${Object.keys(sealing)}`)
      t.equal(await kidOf(after), decodeProtectedHeader(token).kid)
      t.strictSame([...store.kept.keys()], [`signing-key:${signingAlg}`])
    }
  }
})

t.test('replicas that start at the same time share the key of the first', async (t) => {
  const store = new MemoryStore()
  const replicas = await Promise.all(Array.from({ length: 6 }, () => buildServer(t, { store })))
  t.equal(new Set(await Promise.all(replicas.map(kidOf))).size, 1)
  const [first, second] = replicas
  if (first === undefined || second === undefined) return t.fail('there are six')
  await assertAccepted(t, second, await tokenOf(first), 'reports', 'of one, at another')
})

t.test('each algorithm has a key of its own, so a change of algorithm is a change of key', async (t) => {
  const store = new OpenStore()
  const before = await buildServer(t, { store, signingAlg: 'ES256' })
  const after = await buildServer(t, { store, signingAlg: 'EdDSA' })
  await assertInvalidToken(t, after, await tokenOf(before), 'unknown_key', 'ES256')
  t.strictSame([...store.kept.keys()], ['signing-key:ES256', 'signing-key:EdDSA'])
})

t.test('keys that are given are not kept', async (t) => {
  const store = new OpenStore()
  await buildServer(t, { store, signingKeys: [makeKey('mine').privateKey] })
  t.strictSame([...store.kept], [])
})

t.test('with signingKeySecret the store holds nothing that signs; without, it holds the key as PEM', async (t) => {
  const [plain, sealed, again] = [new OpenStore(), new OpenStore(), new OpenStore()]
  await buildServer(t, { store: plain })
  t.match(plain.kept.get('signing-key:ES256'), /^-----BEGIN PRIVATE KEY-----\n/)
  await buildServer(t, { store: sealed, signingKeySecret: SECRET })
  t.match(sealed.kept.get('signing-key:ES256'), /^sealed:[\w-]+$/)

  again.kept.set('signing-key:EdDSA', sealed.kept.get('signing-key:ES256') ?? '')
  await t.rejects(
    buildServer(t, { store: again, signingAlg: 'EdDSA', signingKeySecret: SECRET }),
    { name: 'TypeError', message: /^signingKeySecret is wrong/ },
    'what is sealed under one name is no good under another'
  )
})

t.test('a secret that does not fit the kept key is an error at registration that names the option', async (t) => {
  const [plain, sealed] = [new OpenStore(), new OpenStore()]
  await buildServer(t, { store: plain })
  await buildServer(t, { store: sealed, signingKeySecret: SECRET })
  const cases: [Partial<OAuthTelemetryOptions>, string][] = [
    [
      { store: sealed, signingKeySecret: OTHER_SECRET },
      'signingKeySecret is wrong: what the store (OpenStore) keeps as "signing-key:ES256" is sealed with another one'
    ],
    [
      { store: sealed },
      'signingKeySecret is missing: what the store (OpenStore) keeps as "signing-key:ES256" is sealed with one'
    ],
    [
      { store: plain, signingKeySecret: SECRET },
      'signingKeySecret: what the store (OpenStore) keeps as "signing-key:ES256" is not sealed. Leave the option out, or remove that key'
    ]
  ]
  for (const [options, message] of cases) await t.rejects(buildServer(t, options), { name: 'TypeError', message })
})

t.test('a kept value that is no key, or one of another kind, is named, and not shown', async (t) => {
  const another = makeKey('another', 'RS256').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  for (const value of ['rubbish', '', another]) {
    const store = new OpenStore()
    store.kept.set('signing-key:ES256', value)
    await t.rejects(buildServer(t, { store }), {
      name: 'Error',
      message:
        'what the store (OpenStore) keeps as "signing-key:ES256" is no private key for ES256: remove it, and a new one is made'
    })
  }
})

t.test('a store that is down at registration is named', async (t) => {
  const cause = new Error('connection refused')
  class DownStore extends MemoryStore {
    override async keep(): Promise<string> {
      throw cause
    }
  }
  const refused = await buildServer(t, { store: new DownStore() }).catch((error: Error) => error)
  t.match(refused, {
    name: 'Error',
    message: 'the store (DownStore) fails: the signing key that it keeps cannot be had',
    cause: { cause }
  })
})
