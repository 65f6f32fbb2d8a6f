import type { TokenEvent } from './events.ts'
import type { Tracing } from './tracing.ts'
import type { ShowUser } from './user-ids.ts'

/** What observing needs. */
export interface Observation {
  readonly tracing: Tracing
  /** Hands an event to everyone who wants it; throws nothing. */
  readonly emit: (event: TokenEvent) => void
  /** Counts a record that was lost. */
  readonly onDropped: () => void
  readonly showUser: ShowUser
  /** The time as NumericDate. */
  readonly now: () => number
}
