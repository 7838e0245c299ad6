/** Free TCP ports of this machine. */
import { createServer } from 'node:net'

const listen = (host: string, port: number) =>
  new Promise<number>((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : port))
    })
  })

/** @returns false when somebody listens there; any other failure is thrown */
export async function isFree(host: string, port: number): Promise<boolean> {
  try {
    await listen(host, port)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false
    throw error
  }
}

/** Finds a port on 127.0.0.1 that is free at the moment. */
export const freePort = () => listen('127.0.0.1', 0)
