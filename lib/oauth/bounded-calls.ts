/** A call's time is measured in so many ticks of a timer, and ends in the tick after the last. */
const TICKS = 8
/** After so many calls in a row without an answer in time, one call at a time tries whether there is one again. */
const SILENCES = 3
/** More calls than this do not wait at the same time. */
const MAX_WAITING = 5_000

/** A call that has not been answered. */
interface Waiting {
  ticksLeft: number
  readonly giveUp: (cause: Error) => void
}

/** Makes calls. */
export interface BoundedCalls {
  /**
   * Resolves to the answer. It rejects when there is none in time, and at once while the other side is silent.
   *
   * @param patience how many times longer than others this call may take, unless it is the one that tries whether the
   * other side answers again: everybody else would be shut out meanwhile
   */
  run<T>(call: () => Promise<T>, patience?: number): Promise<T>
}

/**
 * Calls to what may be down: each has an end, and few wait for it at a time, so that an outage costs neither memory nor
 * anybody's patience. What answers late is ignored.
 *
 * Only silence counts: calls that are not answered in time, or fail slowly. What fails at once is no burden, and may be
 * the fault of the call.
 *
 * Time passes in ticks and not by a clock: an event loop that was held up for long finds the answers that have come
 * meanwhile, before it gives up on them.
 *
 * @param seconds how long a call may take; it is given up on within an eighth more
 * @param failure what a call rejects with, whatever the cause
 */
export function boundedCalls(seconds: number, failure: (cause: unknown) => Error): BoundedCalls {
  const waiting = new Set<Waiting>()
  let silences = 0
  let timer: NodeJS.Timeout | undefined

  function tick(): void {
    if (waiting.size === 0) {
      clearInterval(timer)
      timer = undefined
      return
    }
    for (const call of waiting) {
      call.ticksLeft -= 1
      if (call.ticksLeft < 0 && waiting.delete(call)) {
        call.giveUp(new Error(`the store did not answer within ${seconds} s`))
        countSilence()
      }
    }
  }

  const isSilent = (): boolean => silences >= SILENCES

  function countSilence(): void {
    silences += 1
    if (!isSilent()) return
    for (const call of waiting) call.giveUp(new Error(`the store did not answer ${SILENCES} calls in a row`))
    waiting.clear()
  }

  function refusal(): string | undefined {
    if (isSilent() && waiting.size > 0) {
      return 'the store does not answer: one call at a time tries whether it does again'
    }
    return waiting.size < MAX_WAITING ? undefined : `${MAX_WAITING} calls wait for the store already`
  }

  return {
    run<T>(call: () => Promise<T>, patience = 1) {
      const refused = refusal()
      if (refused !== undefined) return Promise.reject(failure(new Error(refused)))
      return new Promise<T>((resolve, reject) => {
        const ticks = TICKS * (isSilent() ? 1 : patience)
        const self: Waiting = { ticksLeft: ticks, giveUp: (cause) => reject(failure(cause)) }
        const succeed = (value: T) => {
          if (!waiting.delete(self)) return
          silences = 0
          resolve(value)
        }
        const fail = (cause: unknown) => {
          if (!waiting.delete(self)) return
          reject(failure(cause))
          if (ticks - self.ticksLeft > 1) countSilence()
        }
        waiting.add(self)
        timer ??= setInterval(tick, (seconds * 1000) / TICKS)
        try {
          call().then(succeed, fail)
        } catch (cause) {
          fail(cause)
        }
      })
    }
  }
}
