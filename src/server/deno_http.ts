/**
 * Fixes three differences between node:http of Deno 2.9 and Node. No report of any of them was
 * found among the issues of Deno in November 2026. test/src/server/deno_http.test.ts fails once
 * Deno has mended one.
 */
import type { Server } from 'node:http'
import process from 'node:process'

interface Parsers {
  parsers: { max: number }
  HTTPParser: { prototype: { finish: (this: unknown) => unknown } }
}

/**
 * Applies the fixes that concern all servers.
 * @throws Error on a Deno that has these internals elsewhere
 */
export function mendDeno(): void {
  const { parsers, HTTPParser: { prototype } } = process.getBuiltinModule(
    '_http_common',
  ) as unknown as Parsers
  // A connection that sent no HTTP goes on feeding its parser, although that is back in the pool.
  // What it sends next would become a request of the connection that gets the parser. So there is
  // no pool.
  parsers.max = 0

  // Deno reports an end in the middle of a request as a number, where the server expects an Error.
  const { finish } = prototype
  prototype.finish = function () {
    const result = finish.call(this)
    return result === -1 ? new Error('the end in the middle of a request') : result
  }
}

/** A request that is arriving on a connection, as the server keeps it. */
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
 * To be called after `listen`. The server has a Map of connections on which a request is arriving,
 * which gains and loses an entry with each request. Each hash table that it outgrows keeps the next
 * one alive, so a third of what a request needed stayed in memory until the next full garbage
 * collection. So entries stay.
 * @throws Error on a Deno that has it elsewhere
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
    // An entry without a request is never late.
    entry.startTime = Infinity
    entry.req = null
  }
  list.popActiveIfReq = (socket, request) => {
    if (active.get(socket)?.req === request) list.popActive(socket)
  }
}
