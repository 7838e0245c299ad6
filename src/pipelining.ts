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

/** The first of them, up to as many as are answered at once. */
function firstOf(exchanges: Set<Exchange>): Exchange[] {
  const first: Exchange[] = []
  for (const one of exchanges) if (first.push(one) === MAX_AT_ONCE) break
  return first
}

/**
 * Puts the last one behind the exchanges of a connection, and answers it once few enough are before it.
 * @param exchanges all that have no answer yet, in the order in which they came and are answered
 */
export function enter(
  exchanges: Set<Exchange>,
  last: Exchange,
  answer: (one: Exchange) => void,
): void {
  exchanges.add(last)
  if (exchanges.size <= MAX_AT_ONCE) return answer(last)
  const socket: Socket & Readable = last.incoming.socket
  // No more than what has come in this piece.
  socket._paused = true
  socket.pause()
}

/** Takes one that is over away from them, and goes on with those that wait for it. */
export function leave(
  exchanges: Set<Exchange>,
  exchange: Exchange,
  answer: (one: Exchange) => void,
): void {
  const socket: Socket & Readable = exchange.incoming.socket
  const isMore = exchanges.size > MAX_AT_ONCE
  const wasBegun = !isMore || firstOf(exchanges).includes(exchange)
  exchanges.delete(exchange)
  // Nothing is begun for who has gone away.
  if (socket.destroyed) return
  if (isMore && wasBegun) answer(firstOf(exchanges).at(-1)!)
  if (exchanges.size >= MAX_AT_ONCE || !socket._paused) return
  socket._paused = false
  socket.parser?.resume()
  socket.resume()
}
