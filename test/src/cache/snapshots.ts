/**
 * What tests of the cache have in common: a database that counts, and a Redis that can be broken.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import type { Backend, Reply } from '../../../dev/redis_backend.ts'
import { createRedisRest } from '../../../dev/redis_rest.ts'
import {
  createSnapshots,
  type SnapshotsOptions,
  type Versioned,
} from '../../../src/cache/snapshots.ts'

export const LEDGER = '6b8f2c9e-0000-4000-8000-000000000001'
export const keyOf = (id: number, ledger = LEDGER) => `ledger:${ledger}:user:${id}`

/** A reading of the database's clock. */
export const at = (seconds: number) =>
  new Date(Date.UTC(2026) + seconds * 1000).toISOString().replace('Z', '000Z')

export function entryOf(id: number, version: number, more: Partial<Versioned> = {}): Versioned {
  return {
    snapshot: {
      id,
      balance: `${version}.00`,
      available: `${version}.00`,
      seq: version,
      updated_at: at(version),
    },
    version,
    read_at: at(version),
    ...more,
  }
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/**
 * An endpoint over a backend that records its batches and answers as `misbehave` says, if at all.
 */
export async function startEndpoint(backend: Backend) {
  const token = 'secret'
  const calls: { kind: 'run' | 'transact'; commands: string[][] }[] = []
  const recorded: Backend = {
    run: (commands) => (calls.push({ kind: 'run', commands }), backend.run(commands)),
    transact: (
      commands,
    ) => (calls.push({ kind: 'transact', commands }), backend.transact(commands)),
    close: () => backend.close(),
  }
  const behave = getRequestListener(createRedisRest({ token, backend: recorded }).fetch)
  let requests = 0
  const endpoint = {
    url: '',
    token,
    calls,
    misbehave: undefined as Handler | undefined,
    requests: () => requests,
    /** Runs commands on the backend, past the endpoint. */
    async redis(...commands: (string | number)[][]): Promise<Reply[]> {
      const replies = await backend.run(commands.map((command) => command.map(String)))
      return replies.map((reply) => {
        if (reply instanceof Error) throw reply
        return reply
      })
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await backend.close()
    },
  }
  const server = createServer((request, response) => {
    requests++
    if (endpoint.misbehave) endpoint.misbehave(request, response)
    else void behave(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  endpoint.url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  return endpoint
}

export type Endpoint = Awaited<ReturnType<typeof startEndpoint>>

/** An instance of the cache, in step, with a database of its own. */
export function instanceOf(
  redis: { url: string; token: string } | undefined,
  options: Partial<SnapshotsOptions> = {},
  ledgerId = LEDGER,
) {
  const database = new Map<number, Versioned>()
  const queries: number[][] = []
  const errors: string[] = []
  let passed_ms = 0
  const now = options.now ?? (() => performance.now() + passed_ms)
  const snapshots = createSnapshots({
    ...(redis && { redis }),
    ttlSeconds: 60,
    // Tests that aren't about slowness shouldn't fail because of it.
    timeoutMs: 1_000_000,
    // Nor for want of a poll.
    maxSilenceMs: Infinity,
    onError: (operation) => errors.push(operation),
    load: (ids) => {
      queries.push(ids)
      return Promise.resolve(
        new Map(
          ids.flatMap((id) => database.has(id) ? [[id, database.get(id)!]] : []),
        ),
      )
    },
    ...options,
    now,
  })
  /** A poll proves that nothing since this second was missed. */
  const hear = (seconds: number, readAt = seconds, isPaused = false) =>
    snapshots.heard({ since: at(seconds), readAt: at(readAt), at: now(), isPaused })
  if (ledgerId) snapshots.identified(ledgerId)
  hear(0)
  // What others read at some second after that is not still to come.
  passed_ms = 100_000
  /** How the cache answered, what was read, and that nothing is in flight any more. */
  async function read(id: number, fresh = false): Promise<string> {
    const found = await snapshots.read(id, { fresh })
    await snapshots.idle()
    return found ? `${found.cache} ${found.snapshot.balance}` : 'unknown'
  }
  return { snapshots, database, queries, errors, read, hear }
}
