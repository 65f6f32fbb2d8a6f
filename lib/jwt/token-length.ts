/** Tokens longer than this are neither made nor read; Node's own limit is 16 KiB for all headers together. */
export const MAX_TOKEN_LENGTH = 8192
