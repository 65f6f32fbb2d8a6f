/** The names an object may have; the compiler sees to it that none is missing. */
export type Names<T> = Readonly<Record<keyof T, true>>

/** An object without any other properties: a misspelt one is an error, not a default. @throws TypeError naming it */
export function onlyKnown<T extends object>(where: string, value: T, names: Names<T>): T {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`${where} must be an object`)
  }
  for (const name of Object.keys(value)) {
    if (!Object.hasOwn(names, name)) {
      throw new TypeError(`${where} has no "${name}": it takes ${Object.keys(names).join(', ')}`)
    }
  }
  return value
}

/**
 * An unset variable must not mean what leaving it out means.
 *
 * @param meaning what leaving it out does
 * @throws TypeError naming a property that is there, and `undefined`
 */
export function noneLost<T extends object>(where: string, value: T, names: readonly (keyof T)[], meaning: string): T {
  for (const name of names) {
    if (Object.hasOwn(value, name) && value[name] === undefined) {
      throw new TypeError(`${where}: ${String(name)} is undefined: leave it out ${meaning}`)
    }
  }
  return value
}
