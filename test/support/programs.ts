import { once } from 'node:events'
import { access, readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import type { Test } from 'tap'

/** On a laptop this may go untested, but not unnoticed; where the result counts it may not. */
export function reportMissing(t: Test, program: string, debianPackage: string): void {
  const message = `${program} is not installed: NOT tested (Debian and Ubuntu: apt install ${debianPackage})`
  if (process.env.CI) {
    t.fail(message)
    return
  }
  console.error(message)
  t.pass(message, { skip: message })
}

/** The path of a program, in the PATH or among these folders; `undefined` when it is in none. */
export async function findProgram(name: string, folders: readonly string[]): Promise<string | undefined> {
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), ...folders]) {
    const path = join(folder, name)
    const found = await access(path).then(
      () => true,
      () => false
    )
    if (found) return path
  }
  return undefined
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('there is no port')
  return address.port
}

/** Whom to run a server as: it refuses to be started by root, who may be anybody else. */
export async function unprivilegedUser(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {}
  const users = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody')
  if (user === undefined) throw new Error('neither postgres nor nobody is a user of this machine')
  return { uid: Number(user[2]), gid: Number(user[3]) }
}

/** Kills a process that may have ended already. */
export function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
