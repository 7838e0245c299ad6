/** The service on Node: `npm run serve`. */
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Server as NetServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { getRequestListener } from '@hono/node-server'
import { type Config, loadConfig } from './config.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import type { Fetch, Listen } from './servers.ts'
import { type Service, startService } from './service.ts'

/** How often Node looks for requests that are over these; its default is 30 s. */
const TIMEOUTS_CHECK_MS = 1_000
/** A request has an answer before its connection counts as dead. */
const SLACK_MS = 1_000
/** For a request that is on its way when the service begins to stop. */
const LINGER_MS = 500

const BAD_REQUEST = JSON.stringify({
  type: '/docs#invalid_request',
  title: 'The request is not valid.',
  status: 400,
  code: 'invalid_request',
  errors: [{ path: '', message: 'The request is not valid HTTP.' }],
})

const BAD_REQUEST_HEAD = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n' +
  `Content-Type: application/problem+json\r\nContent-Length: ${BAD_REQUEST.length}\r\n\r\n`

const badRequest = () =>
  new Response(BAD_REQUEST, {
    status: 400,
    headers: { 'Content-Type': 'application/problem+json' },
  })

interface Exchange {
  incoming: IncomingMessage
  outgoing: ServerResponse
}

/** Requests without an answer yet, by connection; all connections are in it. */
type Connections = Map<Duplex, Set<Exchange>>

/** Answers what isn't HTTP, after the answers to all that came whole before it on the connection. */
async function refuse(connections: Connections, socket: Duplex): Promise<void> {
  const before = [...connections.get(socket) ?? []].filter(({ incoming }) => incoming.complete)
  await Promise.all(before.map(({ outgoing }) => once(outgoing, 'close')))
  if (socket.writable) socket.end(BAD_REQUEST_HEAD + BAD_REQUEST)
  else socket.destroy()
}

/** Resolves once every connection is closed: those that nobody needs when LINGER_MS are over. */
function drain(server: Server, connections: Connections): Promise<void> {
  return new Promise((resolve) => {
    const closing = setInterval(() => {
      // It leaves those alone on which nothing ever came.
      server.closeIdleConnections()
      for (const socket of connections.keys()) {
        if ((socket as Socket).bytesRead === 0) socket.destroy()
      }
    }, LINGER_MS)
    // Not http's own close, which cuts idle connections that a request may be on its way on.
    NetServer.prototype.close.call(server, () => {
      clearInterval(closing)
      resolve()
    })
  })
}

function createHttpServer(fetch: Fetch, connections: Connections, limits: Limits): Server {
  const answer = getRequestListener((request, { incoming }) => {
    return fetch(request, (incoming as IncomingMessage).socket.remoteAddress ?? '')
  }, {
    // With its own Response an answer isn't read back from a stream. Deno's server, which may run
    // in the same process in tests, takes only Deno's.
    overrideGlobalObjects: !('Deno' in globalThis),
    // What has no URL: no Host, a bad one, `OPTIONS *`. Failures of the app don't come here.
    errorHandler: badRequest,
  })
  const listener = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const exchange = { incoming, outgoing }
    const exchanges = connections.get(incoming.socket)
    exchanges?.add(exchange)
    outgoing.once('close', () => exchanges?.delete(exchange))
    // HTTP/1.0 needs none, and checks of health that speak it send none.
    if (incoming.httpVersion === '1.0') incoming.headers.host ??= 'localhost'
    void answer(incoming, outgoing)
  }
  const server = createServer({
    headersTimeout: limits.headersDeadlineMs,
    // The app has said what is wrong with a slow body before that.
    requestTimeout: limits.headersDeadlineMs + limits.bodyDeadlineMs + limits.requestDeadlineMs,
    maxHeaderSize: limits.maxHeaderBytes,
    connectionsCheckingInterval: TIMEOUTS_CHECK_MS,
    // Node would answer without a body.
    requireHostHeader: false,
  }, listener)
  server.maxConnections = limits.maxConnections
  server.maxRequestsPerSocket = limits.maxRequestsPerConnection
  // Of whoever takes nothing of an answer any more.
  server.setTimeout(Math.max(limits.streamStallMs, limits.requestDeadlineMs + SLACK_MS))
  // Node would drop those beyond 2000 without a word, perhaps a key; their size has a limit anyway.
  server.maxHeadersCount = 0
  server.on('connection', (socket) => {
    connections.set(socket, new Set())
    socket.once('close', () => connections.delete(socket))
  })
  server.on('checkExpectation', listener)
  const onBad = (socket: Duplex) => void refuse(connections, socket).catch(() => socket.destroy())
  server.on('clientError', (_error, socket) => onBad(socket))
  server.on('connect', (_incoming, socket) => onBad(socket))
  return server
}

export const listen: Listen = (fetch, { host, port, setting = 'PORT', ...limits }) => {
  const connections: Connections = new Map()
  const server = createHttpServer(fetch, connections, { ...DEFAULT_LIMITS, ...limits })
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new Error(`HOST and ${setting}: can't listen on ${host} ${port} (${error.code})`))
    })
    server.listen(port, host, () => {
      const { port } = server.address() as AddressInfo
      resolve({
        url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
        drain: () => drain(server, connections),
        cut: () => server.closeAllConnections(),
      })
    })
  })
}

/** Never blocks: on POSIX Node writes to pipes as they take it. */
const write = (text: string) =>
  new Promise<void>((resolve, reject) => {
    process.stdout.write(text, (error) => error ? reject(error) : resolve())
  })

export function serve(config: Config): Promise<Service> {
  // A reader of the log that goes away doesn't take the service along.
  if (process.stdout.listenerCount('error') === 0) process.stdout.on('error', () => {})
  return startService(config, {
    listen,
    write,
    readText: (path) => readFileSync(path, 'utf8'),
    sha256: (text) => hash('sha256', text, 'hex'),
  })
}

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
