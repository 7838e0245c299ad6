/** What the server knows of its connections, and how long nothing may come or go on one. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Limits } from '../config/limits.ts'

/** A request has an answer before its connection counts as dead. */
const SLACK_MS = 1_000

export interface Exchange {
  incoming: IncomingMessage
  outgoing: ServerResponse
  /** When somebody first looked and the answer had begun. */
  answeringSinceMs?: number
  /** It was still being made while its beginning was on its way. */
  isStream?: boolean
}

export interface Connection {
  /** How many requests came on it. */
  requests: number
  /** Those that have no answer yet, in the order in which they came. */
  exchanges: Exchange[]
  /** Whether it waits for longer than an answer may: for its next request. */
  isResting: boolean
  /** What came last wasn't HTTP, and has that for its answer. */
  isRefused?: boolean
}

/** All of them that haven't been refused. */
export type Connections = Map<Duplex, Connection>

/** Ends one that has long been waiting for its next request; false if there is none. */
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
  /** In the midst of a request: longer than anything that has a limit. */
  limitMs: number
  /** What is said of how long a connection is kept: who knows sends nothing just as it closes. */
  announcedMs: number
  /** Its timer is over: ends it, or lets it wait for its next request. */
  over(socket: Socket, connection: Connection | undefined): void
  /** A request has come. */
  asked(socket: Socket, connection: Connection): void
  /** A request has its answer. */
  answered(socket: Socket, connection: Connection): void
}

/**
 * A connection has one timer. To set another one for each pause between two requests would take a
 * tenth of what a request takes, so it happens only in a pause that is longer than a request may be.
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

    answered(socket, connection) {
      if (keepAliveMs < limitMs && connection.exchanges.length === 0) {
        rest(socket, connection, keepAliveMs)
      }
    },
  }
}
