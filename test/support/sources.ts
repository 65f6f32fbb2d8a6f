import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path/posix'
import { fileURLToPath } from 'node:url'

const LIB = fileURLToPath(new URL('../../lib/', import.meta.url))

export interface Import {
  /** `telemetry/tally.ts` for a file of ours, `node:crypto` for anything else. */
  readonly target: string
  readonly own: boolean
  readonly typeOnly: boolean
}

export interface Source {
  readonly path: string
  readonly text: string
  readonly imports: readonly Import[]
}

const IMPORT = /^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm
const DYNAMIC_IMPORT = /\bimport\((?:'([^']*)')?/g

/** The code without its comments, so that a sentence about an import is none. */
export const withoutComments = (text: string): string => text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')

/** What a file imports; `path` is its own. */
export function importsOf(path: string, code: string): Import[] {
  const found = [
    ...[...code.matchAll(IMPORT)].map(([, type, target]) => ({ target: target ?? '', typeOnly: type !== undefined })),
    ...[...code.matchAll(DYNAMIC_IMPORT)].map(([, target]) => ({ target: target ?? '', typeOnly: false }))
  ]
  return found.map(({ target, typeOnly }) => {
    const own = target.startsWith('.')
    return { target: own ? normalize(join(dirname(path), target)) : target, own, typeOnly }
  })
}

/** Every file of lib/. */
export const sources: readonly Source[] = readdirSync(LIB, { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.ts'))
  .sort()
  .map((path) => {
    const text = readFileSync(join(LIB, path), 'utf8')
    return { path, text, imports: importsOf(path, withoutComments(text)) }
  })

/** Every circle that a depth-first walk meets, as `a -> b -> a`. */
export function circles(graph: ReadonlyMap<string, readonly Import[]>): string[] {
  const found: string[] = []
  const done = new Set<string>()
  const walk = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) found.push([...trail.slice(trail.indexOf(path)), path].join(' -> '))
    if (done.has(path) || trail.includes(path)) return
    for (const { target } of graph.get(path) ?? []) walk(target, [...trail, path])
    done.add(path)
  }
  for (const path of graph.keys()) walk(path, [])
  return found
}
