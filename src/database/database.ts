/** A client of PostgreSQL all of whose queries settle in time, whatever the network does. */
import type postgres from 'postgres'
import { createClient, type Place } from './client.ts'
import { createHosts } from './hosts.ts'
import { type Client, runQuery } from './run_query.ts'
import type { Ssl } from '../config/database_tls.ts'
import { createInFlight } from '../core/in_flight.ts'

const QUERY_DEADLINE_MS = 4000

/**
 * Deadlines in milliseconds, each shorter than the one before: of a request, of a query on the
 * client's side, of a statement in PostgreSQL, of its wait for a lock.
 */
export const queryDeadlineOf = (requestDeadlineMs: number) => Math.round(requestDeadlineMs * 0.8)
const statementTimeoutOf = (queryDeadlineMs: number) => Math.round(queryDeadlineMs * 0.75)
/** Milliseconds that a statement may wait for a lock: half of the deadline of a query. */
export const lockTimeoutOf = (queryDeadlineMs: number) => Math.round(queryDeadlineMs * 0.5)

export interface Database {
  /**
   * Runs one statement on one of the connections.
   * @throws whatever postgres throws, or an error with code DEADLINE after queryDeadlineMs
   */
  run<T>(query: (sql: postgres.Sql) => Promise<T>): Promise<T>
  end(): Promise<void>
  /** Connections with a query in flight, of how many there may be. */
  connections(): { used: number; max: number }
}

export interface DatabaseOptions {
  url: string
  /** Default: no TLS. */
  ssl?: Ssl | undefined
  /** Connections at most. */
  max: number
  queryDeadlineMs?: number | undefined
  /**
   * Whether an error means that nothing was done, and that the statement may work in another
   * session: it is repeated once, on a new connection. Default: none does.
   */
  isOfSession?: (error: unknown) => boolean
}

/**
 * Creates at most `max` connections. Each query goes to the first that is free, so queries one
 * after the other always find the same backend with warm caches. Spread over two backends they take
 * half as much time again.
 */
export function createDatabase(options: DatabaseOptions): Database {
  const { url, queryDeadlineMs = QUERY_DEADLINE_MS, isOfSession = () => false } = options
  const hosts = createHosts({ url, connect: (...to) => connect(options, ...to), isOfSession })
  const clients = Array.from({ length: options.max }, (): Client => ({
    connections: [],
    running: 0,
  }))
  const inFlight = createInFlight()

  async function run<T>(query: (sql: postgres.Sql) => Promise<T>): Promise<T> {
    const client = leastBusy(clients)
    client.running++
    try {
      return await runQuery(query, { client, hosts, deadlineMs: queryDeadlineMs })
    } finally {
      client.running--
    }
  }

  return {
    run: (query) => inFlight.track(run(query)),
    connections: () => ({
      used: clients.filter(({ running }) => running > 0).length,
      max: options.max,
    }),
    // Waits for queries first: ending a client with a timeout would reject queries that still
    // commit.
    end: async () => {
      await inFlight.idle()
      const open = clients.flatMap(({ connections }) => connections.filter((one) => !!one))
      await Promise.all(open.map(({ sql }) => sql.end({ timeout: 1 })))
    },
  }
}

/** The first client that is free, or else that with the fewest queries. */
function leastBusy(clients: Client[]): Client {
  let least = clients[0]!
  for (const client of clients) {
    if (client.running === 0) return client
    if (client.running < least.running) least = client
  }
  return least
}

function connect(
  { url, ssl = false, queryDeadlineMs = QUERY_DEADLINE_MS }: DatabaseOptions,
  place: Place,
  isPooled: boolean,
  onclose: () => void,
): postgres.Sql {
  const statementTimeoutMs = statementTimeoutOf(queryDeadlineMs)
  return createClient({
    url,
    ssl,
    place,
    isPooled,
    max: 1,
    connectTimeoutSeconds: 2,
    settings: {
      application_name: 'ledger',
      TimeZone: 'UTC',
      DateStyle: 'ISO',
      statement_timeout: statementTimeoutMs,
      lock_timeout: lockTimeoutOf(queryDeadlineMs),
      idle_in_transaction_session_timeout: statementTimeoutMs,
      client_connection_check_interval: 1000,
    },
    onclose,
  })
}

/**
 * Converts `2026-01-01 00:00:00.5+00`, as PostgreSQL prints it in UTC, to
 * `2026-01-01T00:00:00.500000Z`.
 * @example isoTimestamp('2026-01-01 00:00:00+00') // 2026-01-01T00:00:00.000000Z
 */
export function isoTimestamp(text: string): string {
  const [, date, time, fraction = ''] =
    /^(\d+-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00$/.exec(text) ?? []
  if (!date) throw new Error('not a timestamp in UTC')
  return `${date}T${time}.${fraction.padEnd(6, '0')}Z`
}
