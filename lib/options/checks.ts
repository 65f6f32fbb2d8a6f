/** @throws TypeError with the message unless the condition holds */
export function ensure(condition: boolean, message: string): asserts condition {
  if (!condition) throw new TypeError(message)
}

/** Seconds of a day. */
export const DAY = 86_400

/** A whole number of seconds within bounds. */
export function seconds(name: string, value: number, { min, max }: { min: number; max: number }): number {
  ensure(
    Number.isSafeInteger(value) && value >= min && value <= max,
    `${name} must be a whole number of seconds from ${min} to ${max}`
  )
  return value
}

/**
 * An issuer identifier, as it was written: it is compared as a string. RFC 8414 section 2 wants https; http is for
 * development.
 */
export function issuerUrl(name: string, value: unknown): string {
  const text = typeof value === 'string' && URL.canParse(value) ? value : ''
  ensure(
    /^https?:\/\/[^\s/?#@\\]+(\/[^\s?#\\]*)?$/.test(text),
    `${name} must be an https URL (or http, for development) without credentials, query and fragment, for example 'https://auth.example'`
  )
  return text
}

/** One audience or several. */
export function audiences(name: string, value: unknown): [string, ...string[]] {
  const [first, ...others] = Array.isArray(value) ? value : [value]
  const all = [first, ...others]
  ensure(
    all.every((audience) => typeof audience === 'string' && audience !== ''),
    `${name} must be a non-empty string, or an array of them, for example 'https://api.example'`
  )
  return [first, ...others]
}

/** An absolute path without a slash at its end. */
export function path(name: string, value: string): string {
  ensure(
    /^(\/(?!\.{1,2}(\/|$))[A-Za-z0-9._~-]+)+$/.test(value),
    `${name} must be an absolute path like '/oauth', without a slash at its end`
  )
  return value
}
