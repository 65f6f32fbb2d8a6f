import type { Succession } from '../tokens/succession.ts'
import type { StoredToken, TokenCount } from '../tokens/token.ts'

/** Which tokens to revoke. */
export type Selector =
  | { readonly id: string }
  | { readonly family: string }
  | { readonly subject: string }
  | { readonly clientId: string }

/**
 * What became of an attempt to rotate, and the token as it was found: by the winner alive, by a loser spent by another
 * request, revoked, expired, of another type or client, or not at all.
 */
export type Rotation =
  | { readonly won: true; readonly token: StoredToken }
  | { readonly won: false; readonly token: StoredToken | undefined }

/**
 * For this many seconds a revocation of a subject or a client also catches tokens whose minting had begun before it; a
 * store may forget the revocation after that. No minting takes so long.
 */
export const LONGEST_MINTING = 300

/**
 * Where tokens are kept. Every method is atomic by itself and all of them together are linearizable: the rules of
 * OAuth above need no transaction. A method that cannot be carried out rejects, having changed nothing, with two
 * exceptions: of a revocation of many tokens, and of a pruning, a part may have been carried out; and when only the
 * answer was lost or came too late, all of it. To repeat it finishes it.
 *
 * The ids of a family name the same place (`placeOf` in `token-id.ts`), so that a store that is spread over machines
 * finds a whole family in one of them, and anything by its id alone. A revocation of a subject or a client may visit
 * one place after the other; when it resolves, all that was issued before it is dead.
 *
 * `test/stores/conformance.ts` is this contract as tests; a new store runs it unchanged.
 */
export interface TokenStore {
  /**
   * Adds new tokens of one family, and so of one client and subject, all or none. Resolves to `false`, having written nothing, when their subject or
   * client was revoked after their `issuedAt`, up to `LONGEST_MINTING` seconds ago: a token minted while its owner is
   * being revoked never lives.
   */
  insert(tokens: readonly StoredToken[]): Promise<boolean>

  /** The token as it now stands, spent, revoked and expired ones included; `undefined` once `prune` forgot it. */
  find(id: string): Promise<StoredToken | undefined>

  /**
   * The same at once, and without failing: for a store that has all its tokens at hand, since every guarded request asks.
   * What it gives may change with the token: it is for now, and not to be kept.
   */
  peek?(id: string): StoredToken | undefined

  /**
   * Compare-and-swap: if `id` is a refresh token of the client that is live at `succession.at` (`mayRotate`), marks it
   * spent (`spendingOf`) and adds its successors (`successorsOf`). Of any number of parallel calls exactly one wins; none
   * does once a revocation of the token, its family, subject or client began.
   */
  rotate(id: string, clientId: string, succession: Succession): Promise<Rotation>

  /**
   * Revokes every live token that the selector names, as one set, and resolves to how many of each client and type
   * were live. Costs no more than the live tokens it kills; repeating it costs O(1) and resolves to nothing.
   */
  revoke(selector: Selector, at: number, reason: string): Promise<readonly TokenCount[]>

  /**
   * The live tokens at a time, per client and type, without visiting tokens that are not about to expire. May name
   * clients that have none any more, with 0, and should: what counts them then falls to 0 instead of vanishing.
   */
  countLive(at: number): Promise<readonly TokenCount[]>

  /**
   * Forgets tokens that have reached their end, and resolves to those that did so unspent and unrevoked. Each is
   * counted at most once in the life of the store, whoever prunes: an answer that is lost takes its counts along.
   */
  prune(at: number): Promise<readonly TokenCount[]>

  /**
   * Keeps a small value under a name for as long as the store, unless there is one already; resolves to the one that
   * is kept. Of any number of parallel calls all resolve to the same.
   */
  keep(name: string, value: string): Promise<string>

  /** `true` where nobody but the user of this process can read what is kept. Absence is a reason to seal it. */
  readonly keepsPrivately?: boolean

  /** Releases what the store holds. */
  close(): Promise<void>
}
