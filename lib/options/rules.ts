import type { Rules } from '../oauth/kernel.ts'
import { REVOCATION_REASONS } from '../oauth/revocation-reasons.ts'
import { audiences, DAY, ensure, issuerUrl, onlyKnown, seconds } from './checks.ts'
import { REFRESH_TOKEN_OPTIONS } from './names.ts'
import type { OAuthTelemetryOptions } from './options.ts'

const DEFAULTS = {
  accessTokenTtl: 3600,
  idleTtl: 14 * DAY,
  absoluteTtl: 90 * DAY,
  graceWindow: 0,
  reuse: 'user'
} as const

/** What may be a label: printable, and not long. */
const REASON = /^[\x21-\x7E]{1,64}$/

function readReasons(reasons: readonly string[] = []): ReadonlySet<string> {
  ensure(
    Array.isArray(reasons) && reasons.every((reason) => typeof reason === 'string' && REASON.test(reason)),
    "revocationReasons must be an array of labels without spaces, for example ['device_lost']"
  )
  return new Set([...REVOCATION_REASONS, ...reasons])
}

/** The rules of the issuer role. */
export function readRules({ refreshToken: given = {}, ...options }: OAuthTelemetryOptions): Rules {
  const refreshToken = onlyKnown('refreshToken', given, REFRESH_TOKEN_OPTIONS)
  const ever = { min: 1, max: 3650 * DAY }
  const reuse = refreshToken.reuse ?? DEFAULTS.reuse
  const accessTokenTtl = seconds('accessTokenTtl', options.accessTokenTtl ?? DEFAULTS.accessTokenTtl, ever)
  const { idleTtl = 0, absoluteTtl = Number.POSITIVE_INFINITY } = refreshToken
  ensure(idleTtl <= absoluteTtl, 'refreshToken.idleTtl must not be more than refreshToken.absoluteTtl')
  ensure(reuse === 'user' || reuse === 'family', "refreshToken.reuse must be 'user' or 'family'")
  return {
    issuer: issuerUrl('issuer', options.issuer),
    audience: audiences('audience', options.audience),
    accessTokenTtl,
    refreshTokenIdleTtl: seconds('refreshToken.idleTtl', refreshToken.idleTtl ?? DEFAULTS.idleTtl, ever),
    refreshTokenAbsoluteTtl: seconds(
      'refreshToken.absoluteTtl',
      refreshToken.absoluteTtl ?? DEFAULTS.absoluteTtl,
      ever
    ),
    graceWindow: seconds('refreshToken.graceWindow', refreshToken.graceWindow ?? DEFAULTS.graceWindow, {
      min: 0,
      max: Math.min(60, accessTokenTtl - 1)
    }),
    reuse,
    revocationReasons: readReasons(options.revocationReasons)
  }
}

/** Which of the audiences this application is. */
export function readResource(given: OAuthTelemetryOptions['resource'], audience: Rules['audience']): readonly string[] {
  const resource = audiences('resource', given ?? audience[0])
  ensure(
    resource.every((name) => audience.includes(name)),
    `resource must be among audience: ${audience.join(', ')}`
  )
  return resource
}
