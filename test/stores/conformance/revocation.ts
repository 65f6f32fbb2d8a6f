import type { Test } from 'tap'
import type { Selector, StoredToken, TokenStore } from '../../../lib/index.ts'
import { newTokenId } from '../../../lib/oauth/tokens/token-id.ts'
import { accessToken, type CreateStore, insertEach, NOW, openStore, refreshToken, rotate, sorted } from './tokens.ts'

/** Families as the server makes them: each names a place. */
const [F1, F2, F3] = [newTokenId(NOW), newTokenId(NOW), newTokenId(NOW)]

/** Tokens of three clients and two subjects; one family has been refreshed. */
async function populate(store: TokenStore) {
  const first = refreshToken({ family: F1 })
  const tokens = {
    first,
    firstAccess: accessToken({ family: F1 }),
    second: refreshToken({ family: F2, clientId: 'app' }),
    secondAccess: accessToken({ family: F2, clientId: 'app' }),
    ofBob: accessToken({ family: F3, subject: 'bob' }),
    ofClient: accessToken({ clientId: 'reports', subject: undefined }),
    shortLived: accessToken({ family: F1, expiresAt: NOW + 5 })
  }
  await insertEach(store, Object.values(tokens))
  const { access, refresh } = await rotate(store, first, NOW + 1)
  return { ...tokens, access, refresh }
}

type Tokens = Awaited<ReturnType<typeof populate>>

interface Case {
  readonly selector: (tokens: Tokens) => Selector
  readonly counts: readonly string[]
  readonly left: readonly string[]
  readonly killed: readonly (keyof Tokens)[]
}

const CASES: Readonly<Record<string, Case>> = {
  'an access token': {
    selector: ({ firstAccess: { id } }) => ({ id }),
    counts: ['web access 1'],
    left: ['app access 1', 'app refresh 1', 'reports access 1', 'web access 2', 'web refresh 1'],
    killed: ['firstAccess']
  },
  'a refresh token': {
    selector: ({ second: { id } }) => ({ id }),
    counts: ['app refresh 1'],
    left: ['app access 1', 'reports access 1', 'web access 3', 'web refresh 1'],
    killed: ['second']
  },
  'a family': {
    selector: () => ({ family: F1 }),
    counts: ['web access 2', 'web refresh 1'],
    left: ['app access 1', 'app refresh 1', 'reports access 1', 'web access 1'],
    killed: ['firstAccess', 'access', 'refresh']
  },
  'a subject, with all its clients': {
    selector: () => ({ subject: 'alice' }),
    counts: ['app access 1', 'app refresh 1', 'web access 2', 'web refresh 1'],
    left: ['reports access 1', 'web access 1'],
    killed: ['firstAccess', 'access', 'refresh', 'second', 'secondAccess']
  },
  'a client, with all its subjects': {
    selector: () => ({ clientId: 'web' }),
    counts: ['web access 3', 'web refresh 1'],
    left: ['app access 1', 'app refresh 1', 'reports access 1'],
    killed: ['firstAccess', 'access', 'refresh', 'ofBob']
  },
  'a client that acts for itself': {
    selector: () => ({ clientId: 'reports' }),
    counts: ['reports access 1'],
    left: ['app access 1', 'app refresh 1', 'web access 3', 'web refresh 1'],
    killed: ['ofClient']
  },
  'the family of a token that is its only one': {
    selector: ({ ofClient: { family } }) => ({ family }),
    counts: ['reports access 1'],
    left: ['app access 1', 'app refresh 1', 'web access 3', 'web refresh 1'],
    killed: ['ofClient']
  },
  'what is not there': {
    selector: () => ({ family: 'nobody' }),
    counts: [],
    left: ['app access 1', 'app refresh 1', 'reports access 1', 'web access 3', 'web refresh 1'],
    killed: []
  },
  'a token that has been spent': {
    selector: ({ first: { id } }) => ({ id }),
    counts: [],
    left: ['app access 1', 'app refresh 1', 'reports access 1', 'web access 3', 'web refresh 1'],
    killed: []
  }
}

/** `revoke`. The short-lived token has expired, and counts nowhere. */
export async function testRevocation(t: Test, createStore: CreateStore): Promise<void> {
  for (const [name, { selector, counts, left, killed }] of Object.entries(CASES)) {
    await t.test(`revoke: ${name}; counts what was live per client and type, once`, async (t) => {
      const store = await openStore(t, createStore)
      const tokens = await populate(store)
      const selected = selector(tokens)
      t.strictSame(sorted(await store.revoke(selected, NOW + 10.25, 'logout')), counts)
      t.strictSame(await store.revoke(selected, NOW + 11, 'admin'), [], 'once more: nothing is left to revoke')
      t.strictSame(sorted(await store.countLive(NOW + 11)), left)

      const dead: readonly StoredToken[] = killed.map((key) => tokens[key])
      for (const token of dead) t.strictSame(await store.find(token.id), { ...token, revokedAt: NOW + 10.25 })
      const others = Object.values(tokens).filter((token) => !dead.includes(token) && token !== tokens.first)
      for (const token of others) t.strictSame(await store.find(token.id), token)
    })
  }

  await t.test('revoke: parallel revocations of one token count it once', async (t) => {
    const store = await openStore(t, createStore)
    const { firstAccess, refresh } = await populate(store)
    const counts = await Promise.all([
      ...Array.from({ length: 10 }, () => store.revoke({ id: firstAccess.id }, NOW + 10, 'logout')),
      ...Array.from({ length: 10 }, () => store.revoke({ family: refresh.family }, NOW + 10, 'admin')),
      ...Array.from({ length: 10 }, () => store.revoke({ subject: 'alice' }, NOW + 10, 'admin')),
      ...Array.from({ length: 10 }, () => store.revoke({ clientId: 'web' }, NOW + 10, 'admin'))
    ])
    const total = counts.flat().reduce((sum, { count }) => sum + count, 0)
    t.equal(total, 6)
    t.strictSame(sorted(await store.countLive(NOW + 10)), ['reports access 1'])
  })

  await t.test('revoke: who has been revoked may have tokens again', async (t) => {
    const store = await openStore(t, createStore)
    await populate(store)
    await store.revoke({ clientId: 'web' }, NOW + 10, 'admin')
    const [access, refresh] = [accessToken({ issuedAt: NOW + 11 }), refreshToken({ issuedAt: NOW + 11 })]
    t.equal(await store.insert([access]), true)
    t.equal(await store.insert([refresh]), true)
    t.strictSame(sorted(await store.revoke({ clientId: 'web' }, NOW + 12, 'admin')), ['web access 1', 'web refresh 1'])
  })

  await t.test('revoke: a spent token is still known as spent', async (t) => {
    const store = await openStore(t, createStore)
    const { first, refresh } = await populate(store)
    await store.revoke({ family: F1 }, NOW + 10, 'security_incident')
    t.equal((await store.find(first.id))?.spent?.successor, refresh.id)
  })
}
