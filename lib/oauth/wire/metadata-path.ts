/** The path of an issuer without its terminating slash, which is removed before anything is put next to it. */
export function issuerPath(issuer: string): string {
  return new URL(issuer).pathname.replace(/\/$/, '')
}

/** RFC 8414 section 3.1: the well-known part goes between the issuer's host and its path. */
export function metadataPath(issuer: string): string {
  return `/.well-known/oauth-authorization-server${issuerPath(issuer)}`
}
