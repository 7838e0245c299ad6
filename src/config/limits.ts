/** Limits of requests, connections and the service. Each is a setting of the same name. */
import type { Deadlines } from '../core/deadlines.ts'

export interface Limits {
  /**
   * Milliseconds from when a request is complete to its response, or the first byte of a stream.
   */
  requestDeadlineMs: number
  /** Milliseconds for a body to arrive. */
  bodyDeadlineMs: number
  /**
   * Milliseconds that a stream waits for its reader, and a response for any sign of its client.
   */
  streamStallMs: number
  /** Milliseconds that a connection may wait for its next request. */
  keepAliveMs: number
  /** Milliseconds for a client to read a whole response. */
  responseDeadlineMs: number
  /** The same for a stream (a statement, events), which is made while it is read. */
  statementDeadlineMs: number
  /** Milliseconds for a head to arrive, and for the first one on a connection to begin. */
  headersDeadlineMs: number
  /** Bytes of a head: of its target, and of the names and values of its fields. */
  maxHeaderBytes: number
  maxBodyBytes: number
  maxDebitsBodyBytes: number
  maxConnections: number
  maxRequestsPerConnection: number
  /**
   * Operations that may wait in each queue: that for batches, and that for users who are locked.
   */
  maxQueue: number
}

export const DEFAULT_LIMITS: Limits = {
  requestDeadlineMs: 5000,
  bodyDeadlineMs: 10_000,
  streamStallMs: 30_000,
  // Longer than load balancers keep an idle connection (nginx and AWS 60 s, Google 600 s), because
  // whoever closes first loses a request that is on its way.
  keepAliveMs: 660_000,
  responseDeadlineMs: 60_000,
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
     * Also has what ends late bodies, and the path of PUBLIC_URL. One variable instead of three,
     * because each request has a Map of its variables.
     */
    limits: Limits & { bodies: Deadlines; publicPath: string }
  }
}
