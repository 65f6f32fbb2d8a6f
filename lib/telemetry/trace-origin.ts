import { type Context, context } from '@opentelemetry/api'

/** Where what is being done comes from. */
export interface TraceOrigin {
  /** Its trace is not recorded, so that nobody would see a span of ours. False where only the context tells. */
  readonly isUnsampled: boolean
  /** The context that spans about it belong to. */
  readonly context: () => Context
}

/** A context as an origin. */
export function originOf(origin: Context): TraceOrigin {
  return { isUnsampled: false, context: () => origin }
}

/** What the application is doing. */
export const activeOrigin: TraceOrigin = { isUnsampled: false, context: () => context.active() }
