import { hash, timingSafeEqual } from 'node:crypto'

/** For development only. Passwords of real people need a slow hash: scrypt or argon2. */
const DEMO_USERS = new Map([
  ['alice', 'wonderland'],
  ['bob', 'builder']
])

const digest = (password: string) => hash('sha256', password, 'buffer')

/** Whether the password is the user's. An unknown user costs what a wrong password costs. */
export function isPasswordOf(username: string, password: string): boolean {
  const expected = DEMO_USERS.get(username)
  return timingSafeEqual(digest(password), digest(expected ?? '')) && expected !== undefined
}
