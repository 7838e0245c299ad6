/** The ports of the service: all of them open, or none. */
import type { Hono } from 'hono'
import type { Limits } from '../config/limits.ts'

/** What a runtime gives: a server that is already listening. */
export interface Server {
  url: string
  /** Takes no new connections, and settles when those there are have been served. */
  drain(): Promise<void>
  /** Cuts what is still connected. */
  cut(): void
}

/** `peer`: the address that the request came from; '' where nobody knows it any more. */
export type Fetch = (request: Request, peer: string) => Response | Promise<Response>

export interface Address {
  host: string
  port: number
  /** What the port is called where it can't be had. */
  setting?: 'PORT' | 'METRICS_PORT'
  /** Where the service is for those outside; left out: where it listens. */
  publicUrl?: string
}

export type Listen = (fetch: Fetch, address: Address & Partial<Limits>) => Promise<Server>

/**
 * Opens a port for the service and, if that has one of its own, for its metrics.
 * @throws Error with one line if one of them can't be had
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
  const answer = (request: Request, peer: string) => app.fetch(request, { peer })
  const last = async (request: Request, peer: string) => {
    const response = await answer(request, peer)
    // So that nobody sends another request on a connection that is about to close.
    response.headers.set('Connection', 'close')
    return response
  }
  return (request, peer) => isStopping() ? last(request, peer) : answer(request, peer)
}
