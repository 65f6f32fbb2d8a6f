import * as api from '@opentelemetry/api'
import { ATTRIBUTE, REUSE_DETECTED, SCOPE_NAME, SPAN, UNAVAILABLE } from './conventions.ts'
import type { TokenEvent } from './events.ts'
import { reuseAttributes, revokeAllAttributes } from './span-reports.ts'

/** OpenTelemetry's severity numbers WARN and ERROR. */
const WARN = 13
const ERROR = 17

interface LogEvent {
  readonly eventName: string
  readonly severityNumber: number
  readonly attributes: api.Attributes
}

/** Refused because something of ours is down, and not, for example, after too many attempts. */
function isOutage(event: TokenEvent): boolean {
  switch (event.operation) {
    case 'validate':
      return event.reason === 'unavailable'
    case 'token':
      return event.reason === 'unavailable' && !event.isTold
    case 'issue':
    case 'refresh':
    case 'revoke':
    case 'revoke_all':
    case 'introspect':
      return event.error === 'temporarily_unavailable'
    default:
      return false
  }
}

/** What is worth a log record: a reuse, a revoke-all, and a refusal because something of ours is down. */
function logEventOf(event: TokenEvent): LogEvent | undefined {
  if (event.operation === 'refresh' && (event.reuse === 'theft' || event.reuse === 'race_lost')) {
    return { eventName: REUSE_DETECTED, severityNumber: ERROR, attributes: reuseAttributes(event) }
  }
  if (event.operation === 'revoke_all' && event.error === undefined) {
    return { eventName: SPAN.revokeAll, severityNumber: WARN, attributes: revokeAllAttributes(event) }
  }
  if (isOutage(event)) {
    return {
      eventName: UNAVAILABLE,
      severityNumber: ERROR,
      attributes: { [ATTRIBUTE.operation]: event.operation }
    }
  }
  return undefined
}

/** The logs API, which @opentelemetry/api has from 1.10 on. */
const { logs }: Partial<typeof api> = api

/** Emits log events with the active span's context. */
export function logWriter(version: string): (event: TokenEvent) => void {
  return (event) => {
    const record = logEventOf(event)
    if (record === undefined) return
    logs?.getLogger(SCOPE_NAME, version).emit({ ...record, context: api.context.active() })
  }
}
