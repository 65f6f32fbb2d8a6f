/** A size that a variable of the environment may raise; the default is what every test run can afford. */
function size(variable: string, byDefault: number): number {
  const given = Number(process.env[variable] ?? byDefault)
  if (!(given > 0)) throw new Error(`${variable} must be a number above 0`)
  return given
}

/** Families that all processes refresh at the same time. All of it: 1000. */
export const FAMILIES = size('SURVIVAL_FAMILIES', 20)

/** Seconds during which rotations race revocations. All of it: 60. */
export const SECONDS = size('SURVIVAL_SECONDS', 2)

/** How often a server is killed under load. All of it: 50. */
export const KILLS = size('SURVIVAL_KILLS', 5)
