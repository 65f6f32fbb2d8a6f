/** What went wrong, and in doing what. */
export function failure(verb: string, cause: unknown): Error {
  const error: Error & { code?: unknown } = Object(cause)
  return new Error(`Redis could not ${verb}: ${error.message || error.constructor.name}`, { cause: toldOf(error) })
}

/** What is for a log of a client's error: ioredis attaches the command with all that is in it. */
function toldOf({ name, message, stack, code }: Error & { code?: unknown }): Error {
  return Object.assign(new Error(message), { name, stack }, code === undefined ? {} : { code })
}
