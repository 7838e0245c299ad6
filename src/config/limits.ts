/** What a request, a connection and the service may take: each is a setting of the same name. */
import type { Deadlines } from '../core/deadlines.ts'

export interface Limits {
  /** Of a request that is whole, up to its answer or the first byte of it. */
  requestDeadlineMs: number
  /** For a body to come. */
  bodyDeadlineMs: number
  /** How long a statement waits for who reads it, and an answer for any sign of its client. */
  streamStallMs: number
  /** How long a connection may wait for its next request. */
  keepAliveMs: number
  /** For whoever reads an answer to take all of it. */
  answerDeadlineMs: number
  /** The same of one that is made while it is read. */
  statementDeadlineMs: number
  /** For a head to come, and for the first one to begin. */
  headersDeadlineMs: number
  /** Of a head: in its target, and in the names and values of its lines. */
  maxHeaderBytes: number
  maxBodyBytes: number
  maxDebitsBodyBytes: number
  maxConnections: number
  maxRequestsPerConnection: number
  /** Of debits and credits, of those of them that wait for a user, and of all other writes. */
  maxQueue: number
}

export const DEFAULT_LIMITS: Limits = {
  requestDeadlineMs: 5000,
  bodyDeadlineMs: 10_000,
  streamStallMs: 30_000,
  // Longer than any balancer in front of it keeps one: nginx and AWS 60 s, Google 600 s. Whoever
  // closes first loses a request that is just on its way.
  keepAliveMs: 660_000,
  answerDeadlineMs: 60_000,
  statementDeadlineMs: 900_000,
  headersDeadlineMs: 10_000,
  maxHeaderBytes: 16_384,
  maxBodyBytes: 65_536,
  maxDebitsBodyBytes: 1_048_576,
  maxConnections: 10_000,
  maxRequestsPerConnection: 1_000_000,
  maxQueue: 10_000,
}

declare module 'hono' {
  interface ContextVariableMap {
    /**
     * With what ends late bodies, and the path that the service is under for those outside: one
     * variable, as each request has a map of them.
     */
    limits: Limits & { bodies: Deadlines; publicPath: string }
  }
}
