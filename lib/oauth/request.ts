/** A parsed application/x-www-form-urlencoded body: each parameter once, empty ones left out. */
export type Form = ReadonlyMap<string, string>

/** What an endpoint needs to know of an HTTP request. */
export interface EndpointRequest {
  /** Every Authorization header value, as received. */
  readonly authorization: readonly string[]
  readonly form: Form
  /** Where it came from (an IP address): failed attempts are counted per client and source. */
  readonly source: string
}
