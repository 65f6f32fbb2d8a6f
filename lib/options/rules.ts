import type { Rules } from '../oauth/kernel.ts'
import { onlyKnown } from '../oauth/properties.ts'
import { REVOCATION_REASONS } from '../oauth/revocation-reasons.ts'
import { audiences, DAY, ensure, issuerUrl, seconds } from './checks.ts'
import { REFRESH_TOKEN_OPTIONS } from './names.ts'
import type { OAuthTelemetryOptions } from './options.ts'

const DEFAULTS = {
  accessTokenTtl: 3600,
  idleTtl: 14 * DAY,
  absoluteTtl: 90 * DAY,
  graceWindow: 0,
  reuse: 'user'
} as const

const EVER = { min: 1, max: 3650 * DAY }
const MINUTE = { min: 0, max: 60 }

/** What may be a label: printable, and not long. */
const REASON = /^[\x21-\x7E]{1,64}$/

function readReasons(reasons: readonly string[] = []): ReadonlySet<string> {
  ensure(
    Array.isArray(reasons) && reasons.every((reason) => typeof reason === 'string' && REASON.test(reason)),
    "revocationReasons must be an array of labels without spaces, for example ['device_lost']"
  )
  return new Set([...REVOCATION_REASONS, ...reasons])
}

/** Which of the audiences this application is. */
function readResource(given: OAuthTelemetryOptions['resource'], audience: Rules['audience']): readonly string[] {
  const resource = audiences('resource', given ?? audience[0])
  ensure(
    resource.every((name) => audience.includes(name)),
    `resource must be among audience: ${audience.join(', ')}`
  )
  return resource
}

/** The rules of the issuer role. */
export function readRules({ refreshToken: given = {}, ...options }: OAuthTelemetryOptions): Rules {
  const refreshToken = onlyKnown('refreshToken', given, REFRESH_TOKEN_OPTIONS)
  const reuse = refreshToken.reuse ?? DEFAULTS.reuse
  const accessTokenTtl = seconds('accessTokenTtl', options.accessTokenTtl ?? DEFAULTS.accessTokenTtl, EVER)
  const idleTtl = seconds('refreshToken.idleTtl', refreshToken.idleTtl ?? DEFAULTS.idleTtl, EVER)
  const absoluteTtl = seconds('refreshToken.absoluteTtl', refreshToken.absoluteTtl ?? DEFAULTS.absoluteTtl, EVER)
  ensure(
    refreshToken.idleTtl === undefined || idleTtl <= absoluteTtl,
    'refreshToken.idleTtl must not be more than refreshToken.absoluteTtl'
  )
  const graceWindow = seconds('refreshToken.graceWindow', refreshToken.graceWindow ?? DEFAULTS.graceWindow, MINUTE)
  ensure(graceWindow < accessTokenTtl, 'refreshToken.graceWindow must be less than accessTokenTtl')
  ensure(reuse === 'user' || reuse === 'family', "refreshToken.reuse must be 'user' or 'family'")
  const audience = audiences('audience', options.audience)
  return {
    issuer: issuerUrl('issuer', options.issuer),
    audience,
    resource: readResource(options.resource, audience),
    accessTokenTtl,
    refreshTokenIdleTtl: idleTtl,
    refreshTokenAbsoluteTtl: absoluteTtl,
    graceWindow,
    reuse,
    revocationReasons: readReasons(options.revocationReasons)
  }
}
