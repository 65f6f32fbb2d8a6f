/** Escapes that stand for what PostgreSQL keeps in no text (U+0000, half a surrogate pair), and that of the backslash. */
const ESCAPES = /\\(\\|u0000|ud[89a-f])/g

/** JSON that PostgreSQL takes whatever the strings: what it cannot keep has a backslash of its own before its escape. */
export function toJson(value: unknown): string {
  return JSON.stringify(value).replace(ESCAPES, (_, rest: string) => `\\\\${rest === '\\' ? 'u005c' : rest}`)
}

/** What PostgreSQL gives back of it. */
export function fromJson(json: string): unknown {
  return JSON.parse(json.replaceAll('\\\\u', '\\u'))
}
