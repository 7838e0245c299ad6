/** The HTTP server of both runtimes, with a limit on everything. */
import { once } from 'node:events'
import { createServer, STATUS_CODES } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Server as NetServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { getRequestListener } from '@hono/node-server'
import { ON_EVERY_ANSWER } from '../http/response.ts'
import { type Connections, createSilence, endResting, type Exchange } from './connections.ts'
import { mendConnections, mendDeno } from './deno_http.ts'
import { publicPathOf } from '../config/edge_config.ts'
import { codeOf, invalidRequest } from '../core/errors.ts'
import { DEFAULT_LIMITS, type Limits } from '../config/limits.ts'
import { enter, leave } from './pipelining.ts'
import type { Fetch, Listen } from './servers.ts'

/** How often it looks for requests that are over these; its default is 30 s. */
const TIMEOUTS_CHECK_MS = 1_000
/** For a request that is on its way when the service begins to stop, or a last answer. */
const LINGER_MS = 500

const HEADERS = { 'Content-Type': 'application/problem+json', ...ON_EVERY_ANSWER }

const isDeno = 'Deno' in globalThis
if (isDeno) mendDeno()

interface Refusal {
  status: number
  body: string
}

type Settings = Limits & { publicUrl?: string }

/** The answer to what isn't a request, by why it isn't. */
function refusalOf(
  error: unknown,
  { maxHeaderBytes, headersDeadlineMs, publicUrl }: Settings,
): Refusal {
  const refusal = (status: number, message: string) => {
    const problem = invalidRequest([{ path: [], message }])
    return {
      status,
      body: JSON.stringify({ ...problem.membersAt(publicPathOf(publicUrl)), status }),
    }
  }
  switch (codeOf(error)) {
    case 'HPE_HEADER_OVERFLOW':
      return refusal(431, `The head must be at most ${maxHeaderBytes} bytes.`)
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return refusal(408, `The head must arrive within ${headersDeadlineMs / 1000} seconds.`)
    default:
      return refusal(400, 'The request is not valid HTTP.')
  }
}

/** Answers what isn't HTTP, after the answers to what came whole before it on the connection. */
async function refuse(
  connections: Connections,
  socket: Duplex,
  { status, body }: Refusal,
): Promise<void> {
  const connection = connections.get(socket)
  // The first refusal is the last answer; what comes after it isn't even read.
  if (!connection || connection.isRefused) return
  connection.isRefused = true
  socket.pause()
  const before = connection.exchanges.filter(({ incoming }) => incoming.complete)
  await Promise.all(before.map(({ outgoing }) => once(outgoing, 'close')))
  const isAnswering = connection.exchanges.some(({ outgoing }) => outgoing.headersSent)
  if (!socket.writable || isAnswering) return void socket.destroy()
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n` +
      Object.entries(HEADERS).map(([name, value]) => `${name}: ${value}\r\n`).join('') +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  )
  // Not at once: with bytes that nobody has read, the end would be a reset that can overtake it.
  setTimeout(() => socket.destroy(), LINGER_MS)
}

/** Of a body that nobody waits for, the rest may take no longer to come than one that is read. */
function endLate(incoming: IncomingMessage, limitMs: number): void {
  const { socket } = incoming
  if (socket.destroyed) return
  // A listener for each of many requests of one socket would be too many for it.
  const timer = setTimeout(() => {
    if (!incoming.complete) socket.destroy()
  }, limitMs)
  timer.unref()
  incoming.once('close', () => clearTimeout(timer))
  // By itself Deno leaves it unread, and what comes after it, too.
  incoming.resume()
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

/** Cuts who takes too long over an answer in all: with a byte now and then they are never silent. */
function cutSlowReaders(connections: Connections, limits: Limits): void {
  const now = performance.now()
  for (const [socket, { exchanges }] of connections) {
    for (const exchange of exchanges) {
      const { outgoing } = exchange
      if (!outgoing.headersSent) continue
      exchange.answeringSinceMs ??= now
      exchange.isStream ||= !outgoing.writableEnded
      const limitMs = exchange.isStream ? limits.statementDeadlineMs : limits.answerDeadlineMs
      if (now - exchange.answeringSinceMs > limitMs) socket.destroy()
    }
  }
}

function createHttpServer(fetch: Fetch, connections: Connections, limits: Settings): Server {
  const { status, body } = refusalOf(undefined, limits)
  const silence = createSilence(limits)
  const answerTo = getRequestListener((request, { incoming }) => {
    return fetch(request, (incoming as IncomingMessage).socket.remoteAddress ?? '')
  }, {
    // With its own Response an answer isn't read back from a stream.
    overrideGlobalObjects: true,
    // What has no URL: no Host, a bad one, `OPTIONS *`. Failures of the app don't come here.
    errorHandler: () => new Response(body, { status, headers: HEADERS }),
  })
  const answer = ({ incoming, outgoing }: Exchange) => void answerTo(incoming, outgoing)
  const listener = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const exchange: Exchange = { incoming, outgoing }
    const connection = connections.get(incoming.socket)
    if (!connection || connection.isRefused) return
    const { exchanges } = connection
    outgoing.once('close', () => {
      leave(exchanges, exchange, answer)
      silence.answered(incoming.socket, connection)
      if (!incoming.complete) endLate(incoming, limits.bodyDeadlineMs)
    })
    silence.asked(incoming.socket, connection)
    // By itself it would say so, and leave the connection open.
    if (++connection.requests >= limits.maxRequestsPerConnection) outgoing.shouldKeepAlive = false
    // So it is said all the same: who knows sends nothing on a connection that is about to close.
    Object.assign(outgoing, { _keepAliveTimeout: silence.announcedMs })
    // HTTP/1.0 needs none, and checks of health that speak it send none.
    if (incoming.httpVersion === '1.0') incoming.headers.host ??= 'localhost'
    enter(exchanges, exchange, answer)
  }
  const server = createServer({
    headersTimeout: limits.headersDeadlineMs,
    // The app has said what is wrong with a slow body before that.
    requestTimeout: limits.headersDeadlineMs + limits.bodyDeadlineMs + limits.requestDeadlineMs,
    // It refuses what is as long as this.
    maxHeaderSize: limits.maxHeaderBytes + 1,
    connectionsCheckingInterval: TIMEOUTS_CHECK_MS,
    // It would answer without a body.
    requireHostHeader: false,
  }, listener)
  // Who has sent all they had to say may still wait for the answers.
  Object.assign(server, { httpAllowHalfOpen: true })
  // With one in whose place another one may come.
  server.maxConnections = limits.maxConnections + 1
  server.maxRequestsPerSocket = limits.maxRequestsPerConnection
  // Of whoever takes nothing of an answer any more, or asks for nothing.
  server.setTimeout(silence.limitMs)
  server.on('timeout', (socket: Socket) => silence.over(socket, connections.get(socket)))
  server.keepAliveTimeout = 0
  // It would drop those beyond 2000 without a word, perhaps a key; their size has a limit anyway.
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
