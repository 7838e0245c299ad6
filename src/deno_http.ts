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

/** One that began never is not late. */
const NONE: Active = { headersCompleted: false, startTime: Infinity, req: null }

/**
 * Goes before `listen`. The Map of the connections on which a request is coming gains and loses an
 * entry with each, and of the tables that it outgrows each keeps the next: a third of what a request
 * needed was carried along until the next full collection. So entries stay, and are emptied. A
 * Deno in which it is somewhere else fails at once.
 */
export function mendConnections(server: Server): void {
  server.once('listening', () => {
    const key = Object.getOwnPropertySymbols(server)
      .find(({ description }) => description === 'http.server.connections')
    const list = (server as unknown as Record<symbol, ConnectionsList | undefined>)[key!]
    if (!list?._active) throw new Error('node:http of this Deno is not known')
    const active = list._active
    list.pushActive = (socket) => {
      const entry = active.get(socket) ?? {} as Active
      active.set(socket, Object.assign(entry, NONE, { startTime: performance.now() }))
    }
    list.popActive = (socket) => void Object.assign(active.get(socket) ?? {}, NONE)
    list.popActiveIfReq = (socket, request) => {
      if (active.get(socket)?.req === request) list.popActive(socket)
    }
  })
}
