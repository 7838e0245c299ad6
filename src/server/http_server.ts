/** The HTTP server of both runtimes, with a limit on everything. */
import { once } from 'node:events'
import { createServer, STATUS_CODES } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Server as NetServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { getRequestListener } from '@hono/node-server'
import { ON_EVERY_RESPONSE } from '../http/response.ts'
import { type Connections, createSilence, endResting, type Exchange } from './connections.ts'
import { mendConnections, mendDeno } from './deno_http.ts'
import { DEFAULT_LIMITS, type Limits } from '../config/limits.ts'
import { enter, leave } from './pipelining.ts'
import { type Refusal, refusalOf, type ServerSettings } from './refusal.ts'
import type { Fetch, Listen } from './servers.ts'

/** How often the server looks for requests that are over their limits. Its default is 30 s. */
const TIMEOUTS_CHECK_MS = 1_000
/** How long a stop waits for requests that are on their way. */
const LINGER_MS = 500

const HEADERS = { 'Content-Type': 'application/problem+json', ...ON_EVERY_RESPONSE }

const isDeno = 'Deno' in globalThis
if (isDeno) mendDeno()

/** Refuses what isn't HTTP, after the responses to what came before it on the connection. */
async function refuse(
  connections: Connections,
  socket: Duplex,
  { status, body }: Refusal,
): Promise<void> {
  const connection = connections.get(socket)
  // A refusal is the last response. What comes after it isn't read.
  if (!connection || connection.isRefused) return
  connection.isRefused = true
  socket.pause()
  const before = connection.exchanges.filter(({ incoming }) => incoming.complete)
  await Promise.all(before.map(({ outgoing }) => once(outgoing, 'close')))
  const isResponding = connection.exchanges.some(({ outgoing }) => outgoing.headersSent)
  if (!socket.writable || isResponding) return void socket.destroy()
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n` +
      Object.entries(HEADERS).map(([name, value]) => `${name}: ${value}\r\n`).join('') +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  )
  // Not at once: with unread bytes, closing sends a reset, which can overtake the response.
  setTimeout(() => socket.destroy(), LINGER_MS)
}

/** Ends a connection if the rest of a body that nobody reads is late. */
function endLate(incoming: IncomingMessage, limitMs: number): void {
  const { socket } = incoming
  if (socket.destroyed) return
  // A timer: Node warns of many listeners on one socket.
  const timer = setTimeout(() => {
    if (!incoming.complete) socket.destroy()
  }, limitMs)
  timer.unref()
  incoming.once('close', () => clearTimeout(timer))
  // Deno would leave the body unread, and everything behind it, too.
  incoming.resume()
}

/** Closes idle connections after LINGER_MS. Resolves once all connections are closed. */
function drain(server: Server, connections: Connections): Promise<void> {
  return new Promise((resolve) => {
    const closing = setInterval(() => {
      // This doesn't close connections on which nothing ever came.
      server.closeIdleConnections()
      for (const socket of connections.keys()) {
        if ((socket as Socket).bytesRead === 0) socket.destroy()
      }
    }, LINGER_MS)
    // Not close() of http, which cuts idle connections that a request may be on its way on.
    NetServer.prototype.close.call(server, () => {
      clearInterval(closing)
      resolve()
    })
  })
}

/** Whether the client of a stream of events, which may never end, has closed its side. */
const hasLeftEvents = (socket: Duplex, { incoming, isStream }: Exchange): boolean =>
  isStream === true && socket.readableEnded &&
  incoming.headers.accept?.includes('text/event-stream') === true

/**
 * Cuts clients that take too long over a response, or have left it. With a byte now and then none
 * is silent.
 */
function cutSlowReaders(connections: Connections, limits: Limits): void {
  const now = performance.now()
  for (const [socket, { exchanges }] of connections) {
    for (const exchange of exchanges) {
      const { outgoing } = exchange
      if (!outgoing.headersSent) continue
      exchange.respondingSinceMs ??= now
      exchange.isStream ||= !outgoing.writableEnded
      const limitMs = exchange.isStream ? limits.statementDeadlineMs : limits.responseDeadlineMs
      const isLate = now - exchange.respondingSinceMs > limitMs
      if (isLate || hasLeftEvents(socket, exchange)) socket.destroy()
    }
  }
}

function createHttpServer(fetch: Fetch, connections: Connections, limits: ServerSettings): Server {
  const { status, body } = refusalOf(undefined, limits)
  const silence = createSilence(limits)
  const handleRequest = getRequestListener((request, { incoming }) => {
    return fetch(request, (incoming as IncomingMessage).socket.remoteAddress ?? '')
  }, {
    // With the Response of @hono/node-server a response isn't read back from a stream.
    overrideGlobalObjects: true,
    // Requests without a valid URL: no Host, a malformed one, `OPTIONS *`. No failure of the app.
    errorHandler: () => new Response(body, { status, headers: HEADERS }),
  })
  const respond = ({ incoming, outgoing }: Exchange) => void handleRequest(incoming, outgoing)
  const listener = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const exchange: Exchange = { incoming, outgoing }
    const connection = connections.get(incoming.socket)
    if (!connection || connection.isRefused) return
    const { exchanges } = connection
    outgoing.once('close', () => {
      leave(exchanges, exchange, respond)
      silence.responded(incoming.socket, connection)
      if (!incoming.complete) endLate(incoming, limits.bodyDeadlineMs)
    })
    silence.asked(incoming.socket, connection)
    // The server would announce the end but leave the connection open.
    if (++connection.requests >= limits.maxRequestsPerConnection) outgoing.shouldKeepAlive = false
    // Announces it: clients then send nothing on a connection that is about to close.
    Object.assign(outgoing, { _keepAliveTimeout: silence.announcedMs })
    // HTTP/1.0 needs no Host, and health checks that speak it send none.
    if (incoming.httpVersion === '1.0') incoming.headers.host ??= 'localhost'
    enter(exchanges, exchange, respond)
  }
  const server = createServer({
    headersTimeout: limits.headersDeadlineMs,
    // The app responds to a slow body before this.
    requestTimeout: limits.headersDeadlineMs + limits.bodyDeadlineMs + limits.requestDeadlineMs,
    // Node refuses a head of exactly this size.
    maxHeaderSize: limits.maxHeaderBytes + 1,
    connectionsCheckingInterval: TIMEOUTS_CHECK_MS,
    // Node's own response would have no body.
    requireHostHeader: false,
  }, listener)
  // A client that has closed its side may still wait for responses.
  Object.assign(server, { httpAllowHalfOpen: true })
  // One more, which takes the place of an idle one.
  server.maxConnections = limits.maxConnections + 1
  server.maxRequestsPerSocket = limits.maxRequestsPerConnection
  // Also for clients that read nothing of a response any more, or send nothing.
  server.setTimeout(silence.limitMs)
  server.on('timeout', (socket: Socket) => silence.over(socket, connections.get(socket)))
  server.keepAliveTimeout = 0
  // Node would drop fields beyond 2000 silently, perhaps a key. Their total size is limited anyway.
  server.maxHeadersCount = 0
  server.on('connection', (socket) => {
    if (connections.size >= limits.maxConnections && !endResting(connections)) {
      return void socket.destroy()
    }
    connections.set(socket, { requests: 0, exchanges: [], isResting: false })
    socket.once('close', () => connections.delete(socket))
  })
  const slow = setInterval(() => cutSlowReaders(connections, limits), TIMEOUTS_CHECK_MS)
  server.once('close', () => clearInterval(slow))
  server.on('checkExpectation', listener)
  const onBad = (socket: Duplex, error?: unknown) =>
    void refuse(connections, socket, refusalOf(error, limits)).catch(() => socket.destroy())
  server.on('clientError', (error, socket) => onBad(socket, error))
  server.on('connect', (_incoming, socket) => onBad(socket))
  return server
}

/**
 * Opens a port.
 * @throws Error with one line that names the setting, if the port can't be had
 */
export const listen: Listen = (fetch, { host, port, setting = 'PORT', ...limits }) => {
  const connections: Connections = new Map()
  const server = createHttpServer(fetch, connections, { ...DEFAULT_LIMITS, ...limits })
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      server.emit('close')
      reject(new Error(`HOST and ${setting}: can't listen on ${host} ${port} (${error.code})`))
    })
    server.listen(port, host, () => {
      try {
        if (isDeno) mendConnections(server)
      } catch (error) {
        return reject(error)
      }
      const { port } = server.address() as AddressInfo
      resolve({
        url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
        drain: () => drain(server, connections),
        cut: () => server.closeAllConnections(),
      })
    })
  })
}
