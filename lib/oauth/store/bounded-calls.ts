/** A call's time is measured in so many ticks of a timer, and ends in the tick after the last. */
const TICKS = 8
/** More calls than this do not wait at the same time. */
const MAX_WAITING = 5_000

/** A call that has not been answered. */
interface Waiting {
  /** How long it may take. */
  readonly seconds: number
  ticksLeft: number
  /** How many calls had been answered when it began. */
  readonly answersBefore: number
  readonly giveUp: (cause: Error) => void
}

/** Makes calls. */
export interface BoundedCalls {
  /**
   * Resolves to the answer. It rejects when there is none in time, and at once while the other side is silent.
   *
   * @param patience how many times longer than others this call may take
   */
  run<T>(call: () => Promise<T>, patience?: number): Promise<T>
}

/**
 * What a call rejects with.
 *
 * @param isBusy others were answered while this call waited in vain: the other side is not down, but has too much to do
 */
export type Failure = (cause: unknown, isBusy: boolean) => Error

/**
 * Calls to a store, which may be down: each has an end, and few wait for it at a time, so that an outage costs neither
 * memory nor anybody's patience. What answers late is ignored.
 *
 * The store is silent from when a call has waited in vain, or failed slowly, and no other was answered meanwhile, until
 * one is. In silence one call a tick tries, and the others are refused at once. What fails at once is no burden, and may
 * be the fault of the call.
 *
 * Time passes in ticks and not by a clock: an event loop that was held up for long finds the answers that have come
 * meanwhile, before it gives up on them.
 *
 * @param seconds how long a call may take; it is given up on within an eighth more
 */
export function boundedCalls(seconds: number, failure: Failure): BoundedCalls {
  const waiting = new Set<Waiting>()
  let timer: NodeJS.Timeout | undefined
  let now = 0
  let answers = 0
  let isSilent = false
  /** The tick in which a call tried last. */
  let triedAt = -1

  const isBusy = ({ answersBefore }: Waiting) => answers > answersBefore

  function begin(call: Waiting): void {
    waiting.add(call)
    timer ??= setInterval(tick, (seconds * 1000) / TICKS)
    timer.ref()
  }

  /** False when it has ended already. Where nobody waits any more, no process does. */
  function end(call: Waiting): boolean {
    const waited = waiting.delete(call)
    if (waiting.size === 0) timer?.unref()
    return waited
  }

  function tick(): void {
    if (waiting.size === 0) {
      clearInterval(timer)
      timer = undefined
      return
    }
    now += 1
    for (const call of waiting) {
      call.ticksLeft -= 1
      if (call.ticksLeft < 0 && end(call)) {
        if (!isBusy(call)) isSilent = true
        call.giveUp(new Error(`the store did not answer within ${call.seconds} s`))
      }
    }
  }

  function refusal(): string | undefined {
    if (waiting.size >= MAX_WAITING) return `${MAX_WAITING} calls wait for the store already`
    if (!isSilent) return undefined
    if (waiting.size > 0 && triedAt === now) return 'the store is silent, and a call tries already whether it still is'
    triedAt = now
    return undefined
  }

  return {
    run<T>(call: () => Promise<T>, patience = 1) {
      const refused = refusal()
      if (refused !== undefined) return Promise.reject(failure(new Error(refused), !isSilent))
      return new Promise<T>((resolve, reject) => {
        const ticks = TICKS * patience
        const self: Waiting = {
          seconds: seconds * patience,
          ticksLeft: ticks,
          answersBefore: answers,
          giveUp: (cause) => reject(failure(cause, isBusy(self)))
        }
        const succeed = (value: T) => {
          answers += 1
          isSilent = false
          if (end(self)) resolve(value)
        }
        const fail = (cause: unknown) => {
          if (!end(self)) return
          const isSlow = ticks - self.ticksLeft > 1
          if (isSlow && !isBusy(self)) isSilent = true
          reject(failure(cause, isSlow && isBusy(self)))
        }
        begin(self)
        try {
          call().then(succeed, fail)
        } catch (cause) {
          fail(cause)
        }
      })
    }
  }
}
