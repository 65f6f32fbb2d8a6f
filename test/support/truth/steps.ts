import * as ending from './ending.ts'
import * as issuing from './issuing.ts'
import * as presenting from './presenting.ts'
import { restart } from './restarting.ts'
import type { Step } from './world.ts'

/** What may happen, and how often. */
const WEIGHTS: readonly (readonly [Step, number])[] = [
  [issuing.issueDirectly, 12],
  [issuing.useClientCredentials, 6],
  [issuing.refresh, 22],
  [issuing.refreshTwice, 1],
  [issuing.raceToRefresh, 1],
  [issuing.getNowhere, 5],
  [ending.revokeAtEndpoint, 4],
  [ending.revokeNothing, 1],
  [ending.revokeByApplication, 2],
  [ending.revokeSubject, 1],
  [ending.revokeFamily, 1],
  [ending.revokeClient, 0.3],
  [ending.passTime, 15],
  [presenting.callWithToken, 15],
  [presenting.validateByApplication, 3],
  [presenting.callWithForgery, 4],
  [presenting.callMalformed, 1],
  [presenting.introspect, 8],
  [presenting.introspectInVain, 1],
  [restart, 1]
]
const ALL_WEIGHTS = WEIGHTS.reduce((sum, [, weight]) => sum + weight, 0)

/** @param number from 0 to below 1 */
export function pickStep(number: number): Step {
  let left = number * ALL_WEIGHTS
  for (const [step, weight] of WEIGHTS) {
    left -= weight
    if (left < 0) return step
  }
  return ending.passTime
}
