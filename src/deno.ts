/** The service on Deno: `deno task serve`. */
import { hash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import process from 'node:process'
import { parseEnv } from 'node:util'
import { type Config, loadConfig } from './config.ts'
import { Problem } from './errors.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import type { Fetch, Listen } from './servers.ts'
import { type Service, startService } from './service.ts'

/** A name or address, and perhaps a port. */
const HOST = /^([\w.-]*|\[[\da-f:.]+\])(:\d{1,5})?$/i

/** Deno makes the URL of Host as it is: with a slash in it, the path would be another one. */
const isHost = ({ headers }: Request) => HOST.test(headers.get('host') ?? '')

function badRequest(): Response {
  const errors = [{ path: '', message: 'The request is not valid HTTP.' }]
  return new Response(JSON.stringify(new Problem('invalid_request', { errors })), {
    status: 400,
    headers: { 'Content-Type': 'application/problem+json' },
  })
}

/**
 * Deno counts neither connections nor what comes on one: this counts requests at once, and those of
 * a peer's port. Nor does it close a connection; a client that is told to will.
 */
function limited(fetch: Fetch, { maxConnections, maxRequestsPerConnection }: Limits) {
  const requests = new Map<string, number>()
  let active = 0

  function isLast(connection: string): boolean {
    const count = (requests.get(connection) ?? 0) + 1
    requests.delete(connection)
    if (count >= maxRequestsPerConnection) return true
    requests.set(connection, count)
    // Nobody tells when a connection ends; the one that was quiet the longest probably has.
    if (requests.size > maxConnections) requests.delete(requests.keys().next().value!)
    return false
  }

  return async (request: Request, { remoteAddr }: Deno.ServeHandlerInfo<Deno.NetAddr>) => {
    if (!isHost(request)) return badRequest()
    if (active >= maxConnections) {
      return new Response(JSON.stringify(new Problem('busy')), {
        status: 503,
        headers: {
          'Content-Type': 'application/problem+json',
          'Retry-After': '1',
          Connection: 'close',
        },
      })
    }
    active++
    try {
      const response = await fetch(request, remoteAddr.hostname)
      if (isLast(`${remoteAddr.hostname} ${remoteAddr.port}`)) {
        response.headers.set('Connection', 'close')
      }
      return response
    } finally {
      active--
    }
  }
}

export const listen: Listen = (fetch, { host, port, setting = 'PORT', ...limits }) =>
  new Promise((resolve, reject) => {
    try {
      const server = Deno.serve({
        hostname: host,
        port,
        onListen: ({ port }) =>
          resolve({
            url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
            // Answers what it has begun to read. No pause before it, as on Node: the listener stays
            // open until then, and more of those who come back meanwhile would be cut off.
            drain: () => server.shutdown(),
            cut: () => {},
          }),
      }, limited(fetch, { ...DEFAULT_LIMITS, ...limits }))
    } catch (error) {
      const { name } = error as Error
      reject(new Error(`HOST and ${setting}: can't listen on ${host} ${port} (${name})`))
    }
  })

async function write(text: string): Promise<void> {
  const writer = Deno.stdout.writable.getWriter()
  try {
    await writer.write(new TextEncoder().encode(text))
  } finally {
    writer.releaseLock()
  }
}

export const serve = (config: Config): Promise<Service> =>
  startService(config, {
    listen,
    write,
    readText: (path) => readFileSync(path, 'utf8'),
    sha256: (text) => hash('sha256', text, 'hex'),
    residentBytes: () => Deno.memoryUsage().rss,
  })

/** The environment wins over `.env`; with process.loadEnvFile() it doesn't on Deno. */
function loadEnvFile(): void {
  if (!existsSync('.env')) return
  for (const [name, value] of Object.entries(parseEnv(readFileSync('.env', 'utf8')))) {
    process.env[name] ??= value
  }
}

async function main(): Promise<void> {
  loadEnvFile()
  const service = await serve(loadConfig(process.env))
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    Deno.addSignalListener(signal, () => void service.stop().then(() => Deno.exit(0)))
  }
}

if (import.meta.main) {
  main().catch((error: Error) => {
    console.error(error.message)
    Deno.exit(1)
  })
}
