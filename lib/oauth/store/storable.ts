/**
 * Some stores cannot tell lone surrogates apart, and some end a text at U+0000: one name would be taken for another.
 *
 * @throws TypeError when a text has either
 */
export function assertStorable(what: string, text: string): void {
  if (!text.isWellFormed() || text.includes('\0')) {
    throw new TypeError(`the ${what} must be well-formed Unicode without U+0000`)
  }
}
