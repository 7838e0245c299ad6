/** Opens the ports of the service: all of them or none. */
import type { Hono } from 'hono'
import type { Limits } from '../config/limits.ts'

/** A server that is listening. */
export interface Server {
  url: string
  /** Stops accepting connections, and resolves when the existing ones have been served. */
  drain(): Promise<void>
  /** Cuts all connections. */
  cut(): void
}

/**
 * Handles a request.
 * @param peer the address that it came from; "" if unknown
 */
export type Fetch = (request: Request, peer: string) => Response | Promise<Response>

export interface Address {
  host: string
  port: number
  /** The setting to be named if the port can't be opened. */
  setting?: 'PORT' | 'METRICS_PORT'
  /** The URL of the service for its callers. Default: the address that it listens on. */
  publicUrl?: string
}

export type Listen = (fetch: Fetch, address: Address & Partial<Limits>) => Promise<Server>

/**
 * Opens the port of the service and, if there is one, that of its metrics.
 * @throws Error with one line if one of them can't be opened
 */
export async function openServers(
  [app, metricsApp]: readonly [Hono, Hono],
  config: Address & Partial<Limits> & { metricsPort?: number },
  listen: Listen,
  isStopping: () => boolean,
): Promise<[Server, ...Server[]]> {
  const { metricsPort: port } = config
  const server = await listen(fetchOf(app, isStopping), config)
  if (port === undefined) return [server]
  const options = { ...config, port, setting: 'METRICS_PORT' } as const
  try {
    return [server, await listen(fetchOf(metricsApp, isStopping), options)]
  } catch (error) {
    await server.drain()
    throw error
  }
}

function fetchOf(app: Hono, isStopping: () => boolean): Fetch {
  const respond = (request: Request, peer: string) => app.fetch(request, { peer })
  const last = async (request: Request, peer: string) => {
    const response = await respond(request, peer)
    // Tells clients not to send another request on a connection that is about to close.
    response.headers.set('Connection', 'close')
    return response
  }
  return (request, peer) => isStopping() ? last(request, peer) : respond(request, peer)
}
