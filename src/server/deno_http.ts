/** Three things in which node:http of Deno 2.9 is not what it is on Node. */
import type { Server } from 'node:http'
import process from 'node:process'

interface Parsers {
  parsers: { max: number }
  HTTPParser: { prototype: { finish: (this: unknown) => unknown } }
}

/** @throws Error on a Deno in which these are somewhere else */
export function mendDeno(): void {
  const { parsers, HTTPParser: { prototype } } = process.getBuiltinModule(
    '_http_common',
  ) as unknown as Parsers
  // A connection that sent no HTTP goes on feeding its parser, which is back in the pool already:
  // what it sends next would be a request of the connection that gets the parser. So no pool.
  parsers.max = 0

  // The end in the middle of a request is a number here, and the server looks for an Error.
  const { finish } = prototype
  prototype.finish = function () {
    const result = finish.call(this)
    return result === -1 ? new Error('the end in the middle of a request') : result
  }
}

/** What a server knows of the request that is coming on a connection. */
interface Active {
  headersCompleted: boolean
  startTime: number
  req: unknown
}

interface ConnectionsList {
  _active: Map<unknown, Active>
  pushActive(socket: unknown): void
  popActive(socket: unknown): void
  popActiveIfReq(socket: unknown, request: unknown): void
}

/**
 * Goes after `listen`. The Map of the connections on which a request is coming gains and loses an
 * entry with each, and of the tables that it outgrows each keeps the next: a third of what a
 * request needed was carried along until the next full collection. So entries stay.
 * @throws Error on a Deno in which it is somewhere else
 */
export function mendConnections(server: Server): void {
  const key = Object.getOwnPropertySymbols(server)
    .find(({ description }) => description === 'http.server.connections')
  const list = (server as unknown as Record<symbol, ConnectionsList | undefined>)[key!]
  if (!list?._active || !list.pushActive || !list.popActive || !list.popActiveIfReq) {
    throw new Error('node:http of this Deno is not known')
  }
  const active = list._active
  list.pushActive = (socket) => {
    const entry = active.get(socket)
    const startTime = performance.now()
    if (!entry) return void active.set(socket, { headersCompleted: false, startTime, req: null })
    entry.headersCompleted = false
    entry.startTime = startTime
  }
  list.popActive = (socket) => {
    const entry = active.get(socket)
    if (!entry) return
    // What began never is not late.
    entry.startTime = Infinity
    entry.req = null
  }
  list.popActiveIfReq = (socket, request) => {
    if (active.get(socket)?.req === request) list.popActive(socket)
  }
}
