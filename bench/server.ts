import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Ready, Stopped } from './servers/channel.ts'

export interface Server extends Ready {
  stop: () => Promise<Stopped>
}

export async function startServer(file: string, settings: object, execArgv: string[] = []): Promise<Server> {
  const child = fork(fileURLToPath(new URL(`servers/${file}`, import.meta.url)), [JSON.stringify(settings)], {
    env: { ...process.env, NODE_ENV: 'production' },
    execArgv
  })
  const ready = await message<Ready>(child, file)
  return {
    ...ready,
    async stop() {
      const exit = once(child, 'exit')
      const stopped = message<Stopped>(child, file)
      child.send('stop')
      const facts = await stopped
      await exit
      return facts
    }
  }
}

/** The child's next message; its death is an error. */
async function message<T>(child: ChildProcess, file: string): Promise<T> {
  const waiting = new AbortController()
  const dead = once(child, 'exit', { signal: waiting.signal }).then(() => {
    throw new Error(`servers/${file} died`)
  })
  try {
    const [value] = await Promise.race([once(child, 'message', { signal: waiting.signal }), dead])
    return value as T
  } finally {
    dead.catch(() => {})
    waiting.abort()
  }
}
