/** The server cannot start as it is told to; the message says what to change, in one line and without secrets. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
}
