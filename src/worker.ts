/**
 * The service on Cloudflare Workers. A request there can't use a connection that another one has
 * opened, but requests of one Durable Object can: each object is an instance of the service.
 */
import { Problem } from './core/errors.ts'
import { type Environment, startAtEdge } from './edge.ts'
import type { Fetch } from './server/servers.ts'

/**
 * Six connections may be open at once: these, the one that asks what has changed, and one by which
 * Redis is called.
 */
const POOLS = { batches: 1, waiting: 1, repeats: 1, reading: 1 }
/** The most instances that may be asked for. */
const MAX_INSTANCES = 1000

interface Bindings extends Environment {
  /** The namespace of the class LedgerInstance. */
  INSTANCES: {
    idFromName(name: string): unknown
    get(id: unknown): { fetch(request: Request): Promise<Response> }
  }
  /** How many instances share the requests. Default: 1. */
  INSTANCE_COUNT?: string
  /** Hyperdrive, whose URL is used instead of DATABASE_URL. */
  HYPERDRIVE?: { connectionString: string }
}

/** An instance of the service. It starts with its first request. */
export class LedgerInstance {
  readonly #env: Bindings
  #service: Promise<Fetch> | undefined

  constructor(_state: unknown, env: Bindings) {
    this.#env = env
  }

  async fetch(request: Request): Promise<Response> {
    let respond: Fetch
    try {
      respond = await (this.#service ??= this.#start())
    } catch (error) {
      this.#service = undefined
      console.error((error as Error).message)
      const headers = { 'Content-Type': 'application/problem+json' }
      return Response.json(new Problem('internal'), { status: 500, headers })
    }
    return await respond(request, request.headers.get('CF-Connecting-IP') ?? '')
  }

  async #start(): Promise<Fetch> {
    const { HYPERDRIVE: hyperdrive, ...env } = this.#env
    if (env['DATABASE_READ_URL']) throw new Error('DATABASE_READ_URL needs more connections')
    const url = hyperdrive && { DATABASE_URL: hyperdrive.connectionString }
    const runtime = { name: 'workerd', hasProcess: false, pools: POOLS }
    return await startAtEdge({ ...env, ...url }, runtime)
  }
}

/** One of the instances. */
function instanceFor({ INSTANCES, INSTANCE_COUNT = '1' }: Bindings) {
  const count = Math.min(Math.max(1, Math.trunc(Number(INSTANCE_COUNT)) || 1), MAX_INSTANCES)
  return INSTANCES.get(INSTANCES.idFromName(`${Math.floor(Math.random() * count)}`))
}

export default {
  fetch: (request: Request, env: Bindings) => instanceFor(env).fetch(request),
}
