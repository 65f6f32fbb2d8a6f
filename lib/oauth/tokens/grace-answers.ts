import { LRUCache } from 'lru-cache'

/** So often a spent token is answered again by one process, however long the window: enough for any client. */
const MAX_ANSWERS = 100
/** More tokens than this are not counted at the same time. */
const MAX_TOKENS = 10_000

/** How often spent tokens have been answered again. */
export class GraceAnswers {
  readonly #answers = new LRUCache<string, number>({ max: MAX_TOKENS })

  /** Counts one more answer; false when a token has used up its own. */
  take(id: string): boolean {
    const answers = this.#answers.get(id) ?? 0
    this.#answers.set(id, answers + 1)
    return answers < MAX_ANSWERS
  }
}
