import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folder = mkdtempSync(join(tmpdir(), 'oauth-bench-'))
let files = 0

process.on('exit', () => rmSync(folder, { recursive: true }))
process.once('SIGINT', () => process.exit(130))

/** Writes what a load script reads line by line; gone when the bench ends. */
export function linesFile(lines: Iterable<string>): string {
  const file = join(folder, `${files++}.txt`)
  writeFileSync(file, `${[...lines].join('\n')}\n`)
  return file
}
