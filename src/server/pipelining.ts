/** Requests that come on one connection before the answers to those before them. */
import type { Socket } from 'node:net'
import type { Exchange } from './connections.ts'

/**
 * How many of a connection are answered at once. Whoever sends fifty thousand in one go would have
 * all of them begun before anybody else's turn comes, on a loop that everybody shares.
 */
export const MAX_AT_ONCE = 32

/** What node:http itself has for clients that don't read their answers. */
interface Readable {
  _paused?: boolean
  parser?: { pause(): void; resume(): void } | null
}

/**
 * Puts the last one behind the exchanges of a connection, and answers it once few enough are before it.
 * @param exchanges all that have no answer yet, in the order in which they came and are answered
 */
export function enter(
  exchanges: Exchange[],
  last: Exchange,
  answer: (one: Exchange) => void,
): void {
  if (exchanges.push(last) <= MAX_AT_ONCE) return answer(last)
  const socket: Socket & Readable = last.incoming.socket
  // No more than what has come in this piece.
  socket._paused = true
  socket.pause()
}

/** Takes one that is over away from them, and goes on with those that wait for it. */
export function leave(
  exchanges: Exchange[],
  exchange: Exchange,
  answer: (one: Exchange) => void,
): void {
  const isFirst = exchanges[0] === exchange
  const at = isFirst ? 0 : exchanges.indexOf(exchange)
  // All but always: what has very many would be moved as often.
  if (isFirst) exchanges.shift()
  else exchanges.splice(at, 1)
  const socket: Socket & Readable = exchange.incoming.socket
  // Nothing is begun for who has gone away.
  if (socket.destroyed) return
  const next = exchanges[MAX_AT_ONCE - 1]
  if (next && at < MAX_AT_ONCE) answer(next)
  if (exchanges.length >= MAX_AT_ONCE || !socket._paused) return
  socket._paused = false
  socket.parser?.resume()
  socket.resume()
}
