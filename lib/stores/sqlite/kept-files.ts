import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { link, open, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Small values that must not be in the database and its backups, each in a file beside it with mode 0600. A file appears
 * whole or not at all, and once: the file system lets one process win.
 */
export class KeptFiles {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  /** The value that is kept under a name: the first that was given. */
  async keep(name: string, value: string): Promise<string> {
    const file = `${this.#path}.${encodeURIComponent(name)}.key`
    return (await read(file)) ?? (await this.#create(file, value))
  }

  async #create(file: string, value: string): Promise<string> {
    const draft = `${file}.${randomUUID()}.new`
    try {
      await write(draft, value)
      await link(draft, file).catch(ignore('EEXIST'))
    } finally {
      await unlink(draft).catch(ignore('ENOENT'))
    }
    // Where a folder cannot be synchronised, as on Windows, a loss of power may take the file.
    await Promise.allSettled([sync(dirname(file))])
    return String(await read(file))
  }
}

/** The permissions of group and others. */
const OTHERS = 0o077

const ignore =
  (code: string) =>
  (error: NodeJS.ErrnoException): undefined => {
    if (error.code !== code) throw error
  }

/** @throws Error when others may read or write the file, or it is another one by a symbolic link */
async function read(file: string): Promise<string | undefined> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW).catch(ignore('ENOENT'))
  if (handle === undefined) return undefined
  try {
    const { mode } = await handle.stat()
    if (process.platform !== 'win32' && (mode & OTHERS) !== 0) {
      throw new Error(`${file} holds a secret, and others than its owner may use it: chmod 600 it, or remove it`)
    }
    return await handle.readFile('utf8')
  } finally {
    await handle.close()
  }
}

async function write(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Makes a new name in a folder survive a loss of power. */
async function sync(folder: string): Promise<void> {
  const handle = await open(folder)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
