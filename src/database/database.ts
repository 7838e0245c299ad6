/** A client of PostgreSQL whose every query settles in time, whatever the network does. */
import type postgres from 'postgres'
import { createClient, type Place } from './client.ts'
import { type Connection, createHosts } from './hosts.ts'
import type { Ssl } from '../config/database_tls.ts'
import { createInFlight } from '../core/in_flight.ts'
import { isOutcomeUnknown, isRetryable } from '../core/errors.ts'

const QUERY_DEADLINE_MS = 4000

/**
 * Milliseconds, each longer than the next: a request's deadline, the client's for a query, what
 * PostgreSQL allows a statement, what it lets one wait for a lock.
 */
export const queryDeadlineOf = (requestDeadlineMs: number) => Math.round(requestDeadlineMs * 0.8)
const statementTimeoutOf = (queryDeadlineMs: number) => Math.round(queryDeadlineMs * 0.75)
export const lockTimeoutOf = (queryDeadlineMs: number) => Math.round(queryDeadlineMs * 0.5)

export interface Database {
  /**
   * Runs one statement on one of the connections.
   * @throws whatever postgres throws, or an error with code DEADLINE after queryDeadlineMs
   */
  run<T>(query: (sql: postgres.Sql) => Promise<T>): Promise<T>
  end(): Promise<void>
}

export interface DatabaseOptions {
  url: string
  ssl?: Ssl | undefined
  max: number
  queryDeadlineMs?: number | undefined
}

/** One connection at a time, by the place of its host: each keeps count of how often it failed. */
interface Client {
  connections: (Connection | undefined)[]
  running: number
}

/** A query on its way through the hosts. */
interface Attempt {
  client: Client
  connection?: Connection
  /** Whether PostgreSQL may have it. */
  isSent: boolean
  isOver: boolean
}

/**
 * At most `max` connections. Each query goes to the first that is free: what comes one by one always
 * finds the same backend, warm; one query after the other on two takes half as much time again.
 */
export function createDatabase(options: DatabaseOptions): Database {
  const { url, queryDeadlineMs = QUERY_DEADLINE_MS } = options
  const hosts = createHosts({ url, connect: (...to) => connect(options, ...to) })
  const clients = Array.from({ length: options.max }, (): Client => ({
    connections: [],
    running: 0,
  }))
  const inFlight = createInFlight()

  /**
   * A connection that died in the middle of a message puts its rest before the next one's first, and
   * its error into the next one's first answer: each is used once. A black hole gets no time.
   */
  function drop({ connections }: Client, connection: Connection | undefined, isHole: boolean) {
    if (!connection || connections[connection.place] !== connection) return
    connections[connection.place] = undefined
    void connection.sql.end({ timeout: isHole ? 0 : queryDeadlineMs / 1000 }).catch(() => {})
  }

  /** The connection to the host that worked last, once it is known who answers there. */
  async function connectionFor(one: Attempt): Promise<Connection> {
    const connection = one.client.connections[hosts.current()] ??= hosts.open()
    one.connection = connection
    try {
      await hosts.check(connection)
    } catch (error) {
      if (!isOutcomeUnknown(error)) throw error
      drop(one.client, connection, false)
      // Whatever became of this, no query was sent.
      throw notConnected(error)
    }
    // Whoever asked has been told by now that it failed.
    if (one.isOver) throw notConnected()
    return connection
  }

  async function attempt<T>(one: Attempt, query: (sql: postgres.Sql) => Promise<T>): Promise<T> {
    for (let tries = 1;; tries++) {
      try {
        const { sql } = await connectionFor(one)
        one.isSent = true
        return await query(sql)
      } catch (error) {
        const next = hosts.next(one.connection!, error)
        if (next === 'without settings') drop(one.client, one.connection, false)
        // Each host is tried twice at most: as PostgreSQL, and as a pooler.
        if (next === undefined || one.isOver || tries === 2 * hosts.count) throw error
        one.isSent = false
      }
    }
  }

  async function run<T>(query: (sql: postgres.Sql) => Promise<T>): Promise<T> {
    const client = leastBusy(clients)
    const one: Attempt = { client, isSent: false, isOver: false }
    let timer: ReturnType<typeof setTimeout> | undefined
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        one.isOver = true
        const late = Object.assign(new Error('query deadline'), { code: 'DEADLINE' })
        reject(one.isSent ? late : notConnected(late))
      }, queryDeadlineMs)
    })
    client.running++
    try {
      return await Promise.race([attempt(one, query), deadline])
    } catch (error) {
      if (one.isOver || isOutcomeUnknown(error)) drop(client, one.connection, one.isOver)
      throw error
    } finally {
      clearTimeout(timer)
      client.running--
    }
  }

  return {
    run: (query) => inFlight.track(run(query)),
    // Queries first: ending a client with a timeout would reject what still commits.
    end: async () => {
      await inFlight.idle()
      const open = clients.flatMap(({ connections }) => connections.filter((one) => !!one))
      await Promise.all(open.map(({ sql }) => sql.end({ timeout: 1 })))
    },
  }
}

const notConnected = (cause?: unknown) =>
  Object.assign(new Error('no connection', { cause }), { code: 'CONNECT_TIMEOUT' })

/** The first that is free, or that has the least to do. */
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

/** `2026-01-01 00:00:00.5+00` as PostgreSQL prints it in UTC → `2026-01-01T00:00:00.500000Z`. */
export function isoTimestamp(text: string): string {
  const [, date, time, fraction = ''] =
    /^(\d+-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00$/.exec(text) ?? []
  if (!date) throw new Error('not a timestamp in UTC')
  return `${date}T${time}.${fraction.padEnd(6, '0')}Z`
}

const MAX_ATTEMPTS = 4

/** Repeats what lost a race, after a random pause, so that two don't meet again. */
export async function retried<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await call()
    } catch (error) {
      if (!isRetryable(error) || attempt === MAX_ATTEMPTS) throw error
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 10 * 2 ** attempt))
    }
  }
}
