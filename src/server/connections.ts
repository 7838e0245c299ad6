/** The state of the server's connections, and how long they may be silent. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Limits } from '../config/limits.ts'

/** How much longer a connection may be silent than a request may take. */
const SLACK_MS = 1_000

export interface Exchange {
  incoming: IncomingMessage
  outgoing: ServerResponse
  /** The time of the first check after the response had begun. */
  respondingSinceMs?: number
  /** Whether it is a stream: still being made while its beginning was sent. */
  isStream?: boolean
}

export interface Connection {
  /** Requests that came on it. */
  requests: number
  /** Requests without a complete response, in the order in which they came. */
  exchanges: Exchange[]
  /** Whether it is idle for longer than a request may take, waiting for its next request. */
  isResting: boolean
  /** Whether it was refused because what came wasn't HTTP. */
  isRefused?: boolean
}

/** Open connections, by their sockets. */
export type Connections = Map<Duplex, Connection>

/**
 * Closes an idle connection.
 * @returns false if there is none
 */
export function endResting(connections: Connections): boolean {
  for (const [socket, { isResting }] of connections) {
    if (!isResting) continue
    connections.delete(socket)
    socket.destroy()
    return true
  }
  return false
}

export interface Silence {
  /** Milliseconds of silence within a request; longer than every other limit. */
  limitMs: number
  /**
   * Milliseconds that the header Keep-Alive announces; shorter than the real ones, so that clients
   * send nothing while the connection closes.
   */
  announcedMs: number
  /**
   * Called when the timer is over: closes the connection, or lets it go on waiting for its next
   * request.
   */
  over(socket: Socket, connection: Connection | undefined): void
  /** Called when a request has come. */
  asked(socket: Socket, connection: Connection): void
  /** Called when a request has its response. */
  responded(socket: Socket, connection: Connection): void
}

/**
 * Creates the timers. A connection has one timer. Setting another for each pause between requests,
 * as `keepAliveTimeout` of node:http does, takes 4 % of the processor on Node 20 and 20 % on Deno
 * 2.9 (requests that ask for nothing, 35,200 each way in turn), so it is only set in a pause that
 * is longer than a request may take. test/src/server/keep_alive.test.ts fails once node:http sets
 * none. Upstream: since https://github.com/nodejs/node/pull/64254 (Node 26.5) setting it costs less
 * than half; https://github.com/denoland/deno/pull/34302 reuses it where `server.timeout` isn't
 * set.
 */
export function createSilence(limits: Limits): Silence {
  const { keepAliveMs, streamStallMs, requestDeadlineMs, headersDeadlineMs, bodyDeadlineMs } =
    limits
  const deadlineMs = Math.max(requestDeadlineMs, headersDeadlineMs, bodyDeadlineMs)
  const limitMs = Math.max(streamStallMs, SLACK_MS + deadlineMs)

  function rest(socket: Socket, connection: Connection, restMs: number) {
    connection.isResting = true
    socket.setTimeout(restMs)
  }

  return {
    limitMs,
    announcedMs: keepAliveMs - SLACK_MS,

    over(socket, connection) {
      const isIdle = connection && connection.requests > 0 && connection.exchanges.length === 0
      const restMs = keepAliveMs - limitMs
      if (isIdle && !connection.isResting && restMs > 0) rest(socket, connection, restMs)
      else socket.destroy()
    },

    asked(socket, connection) {
      if (!connection.isResting) return
      connection.isResting = false
      socket.setTimeout(limitMs)
    },

    responded(socket, connection) {
      if (keepAliveMs < limitMs && connection.exchanges.length === 0) {
        rest(socket, connection, keepAliveMs)
      }
    },
  }
}
