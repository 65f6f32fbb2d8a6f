import { randomBytes } from 'node:crypto'

/** Everything that must never be seen again, and every form it might be seen in. */
export class Canaries {
  readonly #seen = new Set<string>()

  add(secret: string): string {
    const forms = [secret, Buffer.from(secret).toString('base64'), Buffer.from(secret).toString('hex')]
    const parts = secret.split(/[.: ]/).filter((part) => part.length >= 12)
    for (const form of [...forms, encodeURIComponent(secret), ...parts]) if (form.length >= 12) this.#seen.add(form)
    return secret
  }

  make(): string {
    return this.add(randomBytes(24).toString('base64url'))
  }

  get size(): number {
    return this.#seen.size
  }

  foundIn(text: string): string[] {
    return [...this.#seen].filter((canary) => text.includes(canary))
  }
}
