import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/** A free port, held until it is released: the issuer is named after it before anything can listen. */
export async function reservePort(host: string): Promise<{ port: number; release: () => Promise<void> }> {
  const holder = createServer((socket) => socket.destroy()).listen(0, host)
  await once(holder, 'listening')
  const { port } = holder.address() as AddressInfo
  return {
    port,
    async release() {
      holder.close()
      await once(holder, 'close')
    }
  }
}
