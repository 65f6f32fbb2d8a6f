import { parseArgs } from 'node:util'

export interface Flags {
  /** Rows to run; none means all. */
  rows: string[]
  /** Length of one measurement. */
  seconds: number
  /** Length of the warm-up that each measurement gets. */
  warmup: number
  rounds: number
  connections: number
  /** Live tokens of the rows that grow a database file. */
  tokens: number
}

export function readFlags(): Flags {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: 'string', default: '4' },
      warmup: { type: 'string', default: '2' },
      rounds: { type: 'string', default: '3' },
      connections: { type: 'string', default: '32' },
      tokens: { type: 'string', default: '1000000' }
    }
  })
  return {
    rows: positionals,
    seconds: positive('seconds', values.seconds),
    warmup: positive('warmup', values.warmup),
    rounds: positive('rounds', values.rounds),
    connections: positive('connections', values.connections),
    tokens: positive('tokens', values.tokens)
  }
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new TypeError(`--${name} must be a positive integer`)
  return value
}
