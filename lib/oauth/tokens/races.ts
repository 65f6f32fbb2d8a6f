/** The attempts at one refresh token that overlap. */
interface Race {
  attempts: number
  /** What the token becomes if they win: of those that are under way, and of the winner. */
  readonly successors: Set<string>
  /** The winner has its answer. */
  isOver: boolean
}

/** A request that presents a refresh token. */
export interface Attempt {
  /** It has rotated the token. */
  win(): void
  /** Whether it has met the one that made a successor: was under way at the same time. */
  hasMet(successor: string): boolean
  /** It has been answered. */
  end(): void
}

/**
 * Tells requests that present one refresh token at the same time, of which all but one lose, from a token that is
 * presented again later. It sees what happens in this process.
 */
export class Races {
  readonly #underWay = new Map<string, Race>()

  /**
   * @param id of the refresh token that is presented
   * @param successor the id of the one that replaces it if this attempt wins
   */
  enter(id: string, successor: string): Attempt {
    const race = this.#underWay.get(id) ?? { attempts: 0, successors: new Set(), isOver: false }
    this.#underWay.set(id, race)
    race.attempts += 1
    race.successors.add(successor)
    const isLate = race.isOver
    let isWinner = false
    return {
      win() {
        isWinner = true
      },
      hasMet: (other) => race.successors.has(other) && !isLate,
      end: () => {
        if (isWinner) race.isOver = true
        else race.successors.delete(successor)
        race.attempts -= 1
        if (race.attempts === 0) this.#underWay.delete(id)
      }
    }
  }
}
