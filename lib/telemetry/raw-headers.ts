/**
 * Every value of a header, as received. From the raw list: Node builds `headers` only when somebody asks for it, and
 * then keeps no second value of some of them.
 */
export function headerValues(rawHeaders: readonly string[], lowerCaseName: string): string[] {
  const values: string[] = []
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]
    const value = rawHeaders[index + 1]
    if (name === undefined || value === undefined || name.length !== lowerCaseName.length) continue
    if (name.toLowerCase() === lowerCaseName) values.push(value)
  }
  return values
}
