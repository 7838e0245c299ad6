/** The service on Node: `npm run serve`. */
import { createServer } from 'node:http'
import { Server as NetServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { getRequestListener } from '@hono/node-server'
import { type Config, loadConfig } from './config.ts'
import { type Listen, type Service, startService } from './service.ts'

const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 15_000
const MAX_CONNECTIONS = 10_000
/** For a request that is on its way when the service begins to stop. */
const LINGER_MS = 500

const BAD_REQUEST = JSON.stringify({
  type: '/docs#invalid_request',
  title: 'The request is not valid.',
  status: 400,
  code: 'invalid_request',
  errors: [{ path: '', message: 'The request is not valid HTTP.' }],
})

const listen: Listen = (fetch, { host, port }) => {
  const answer = getRequestListener(fetch, { overrideGlobalObjects: false })
  const server = createServer(
    { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS },
    (incoming, outgoing) => void answer(incoming, outgoing),
  )
  server.maxConnections = MAX_CONNECTIONS
  server.on('clientError', (_error, socket) => {
    if (!socket.writable) return socket.destroy()
    socket.end(
      'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n' +
        `Content-Type: application/problem+json\r\nContent-Length: ${BAD_REQUEST.length}\r\n\r\n` +
        BAD_REQUEST,
    )
  })
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new Error(`HOST and PORT: can't listen on ${host} ${port} (${error.code})`))
    })
    server.listen(port, host, () => {
      const { port } = server.address() as AddressInfo
      resolve({
        url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
        drain: () =>
          new Promise((resolve) => {
            // Not http's own close, which cuts idle connections that a request may be on its way on.
            NetServer.prototype.close.call(server, () => resolve())
            setTimeout(() => server.closeIdleConnections(), LINGER_MS)
          }),
        cut: () => server.closeAllConnections(),
      })
    })
  })
}

export const serve = (config: Config): Promise<Service> => startService(config, listen)

async function main(): Promise<void> {
  try {
    process.loadEnvFile()
  } catch {
    // There needn't be one.
  }
  const service = await serve(loadConfig(process.env))
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => void service.stop().then(() => process.exit(0)))
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main().catch((error: Error) => {
    console.error(error.message)
    process.exit(1)
  })
}
