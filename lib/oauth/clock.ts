/**
 * The system's clock, which tells apart what happens within its millisecond: whether tokens were being minted before a
 * revocation began or after.
 */
export function systemClock(): () => number {
  let millisecond = 0
  let microsecond = 0
  return () => {
    const now = Date.now()
    microsecond = now === millisecond ? Math.min(microsecond + 1, 999) : 0
    millisecond = now
    return (now + microsecond / 1000) / 1000
  }
}
