/** What a token may do, and where. */
export interface Terms {
  readonly scope: readonly string[]
  /** The one resource server it is for. */
  readonly audience: string
}
