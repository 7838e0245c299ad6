/** Pipelining: requests that come on one connection before earlier ones have their responses. */
import type { Socket } from 'node:net'
import type { Exchange } from './connections.ts'

/**
 * Requests of one connection that run at once. Without a limit, fifty thousand requests in one
 * piece would all begin before anybody else's.
 */
export const MAX_AT_ONCE = 32

/** What node:http has for clients that don't read their responses. */
interface Readable {
  _paused?: boolean
  parser?: { pause(): void; resume(): void } | null
}

/**
 * Adds a request to its connection, and responds to it once few enough are before it.
 * @param exchanges requests without a complete response, in the order in which they came
 */
export function enter(
  exchanges: Exchange[],
  last: Exchange,
  respond: (one: Exchange) => void,
): void {
  if (exchanges.push(last) <= MAX_AT_ONCE) return respond(last)
  const socket: Socket & Readable = last.incoming.socket
  // Reads no more than this piece.
  socket._paused = true
  socket.pause()
}

/** Removes a request that is over, and goes on with those that wait. */
export function leave(
  exchanges: Exchange[],
  exchange: Exchange,
  respond: (one: Exchange) => void,
): void {
  const isFirst = exchanges[0] === exchange
  const at = isFirst ? 0 : exchanges.indexOf(exchange)
  // Almost always it is the first. Removing another moves all that follow.
  if (isFirst) exchanges.shift()
  else exchanges.splice(at, 1)
  const socket: Socket & Readable = exchange.incoming.socket
  // The client has gone away.
  if (socket.destroyed) return
  const next = exchanges[MAX_AT_ONCE - 1]
  if (next && at < MAX_AT_ONCE) respond(next)
  if (exchanges.length >= MAX_AT_ONCE || !socket._paused) return
  socket._paused = false
  socket.parser?.resume()
  socket.resume()
}
