/** A client of PostgreSQL whose every query settles in time, whatever the network does. */
import postgres from 'postgres'
import type { Ssl } from './tls.ts'
import { createInFlight } from '../core/in_flight.ts'
import { codeOf, isOutcomeUnknown, isRetryable } from '../core/errors.ts'

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

/** One connection: it opens with its first query, and again after it was lost. */
interface Client {
  sql: postgres.Sql
  running: number
}

/**
 * At most `max` connections. Each query goes to the first that is free: what comes one by one always
 * finds the same backend, warm; one query after the other on two takes half as much time again.
 */
export function createDatabase(options: DatabaseOptions): Database {
  const { queryDeadlineMs = QUERY_DEADLINE_MS } = options
  let isPooled = false
  let looking: Promise<void> | undefined
  const open = (): Client => ({ sql: connect(options, isPooled), running: 0 })
  const clients = Array.from({ length: options.max }, open)
  const inFlight = createInFlight()

  function choose(): Client {
    let least = clients[0]!
    for (const client of clients) {
      if (client.running === 0) return client
      if (client.running < least.running) least = client
    }
    return least
  }

  /**
   * A connection that died in the middle of a message puts its rest before the next one's first, and
   * its error into the next one's first answer: each is used once. A black hole gets no time.
   */
  function replace(client: Client, isHole: boolean) {
    const place = clients.indexOf(client)
    if (place === -1) return
    clients[place] = open()
    void client.sql.end({ timeout: isHole ? 0 : queryDeadlineMs / 1000 }).catch(() => {})
  }

  /** Looks who answers, before any query is sent: through a pooler nothing must be prepared. */
  async function look(): Promise<void> {
    try {
      isPooled = await runNow(isBehindPooler)
    } catch (error) {
      if (!isRefusedParameter(error)) {
        looking = undefined
        // Whatever became of this, no query was sent.
        throw isOutcomeUnknown(error) ? notConnected(error) : error
      }
      isPooled = true
    }
    // In their places, so that each is met once.
    if (isPooled) { for (const client of clients) replace(client, false) }
  }

  async function runNow<T>(query: (sql: postgres.Sql) => Promise<T>): Promise<T> {
    const client = choose()
    let timer: ReturnType<typeof setTimeout> | undefined
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(Object.assign(new Error('query deadline'), { code: 'DEADLINE' })),
        queryDeadlineMs,
      )
    })
    client.running++
    try {
      return await Promise.race([query(client.sql), deadline])
    } catch (error) {
      if (isOutcomeUnknown(error)) replace(client, codeOf(error) === 'DEADLINE')
      throw error
    } finally {
      clearTimeout(timer)
      client.running--
    }
  }

  return {
    run: (query) => inFlight.track((looking ??= look()).then(() => runNow(query))),
    // Queries first: ending a client with a timeout would reject what still commits.
    end: async () => {
      await inFlight.idle()
      await Promise.all(clients.map(({ sql }) => sql.end({ timeout: 1 })))
    },
  }
}

const notConnected = (cause: unknown) =>
  Object.assign(new Error('no connection', { cause }), { code: 'CONNECT_TIMEOUT' })

/** As PgBouncer says it unless it was told to ignore them. */
const isRefusedParameter = (error: unknown) =>
  codeOf(error) === '08P01' &&
  (error as Error).message.startsWith('unsupported startup parameter')

/** A pooler makes up the number of the backend, since each transaction may have another one. */
async function isBehindPooler(sql: postgres.Sql): Promise<boolean> {
  const rows = await sql.unsafe<{ pid: number }[]>('select pg_backend_pid() as pid')
  return rows[0]!.pid !== rows.state.pid
}

/**
 * @param isPooled Prepared statements would be looked for on backends that don't have them, with
 *   wrong answers; and the limits may not arrive, so those of the role hold.
 */
function connect(database: DatabaseOptions, isPooled: boolean): postgres.Sql {
  const { url, ssl = false, queryDeadlineMs = QUERY_DEADLINE_MS } = database
  const statementTimeoutMs = statementTimeoutOf(queryDeadlineMs)
  const options = {
    max: 1,
    ssl,
    // No query at the start for the types of arrays; text in, text out.
    fetch_types: false,
    prepare: !isPooled,
    connect_timeout: 2,
    max_lifetime: null,
    backoff: (retries: number) => Math.min(0.05 * 2 ** retries, 1) * (0.5 + Math.random() / 2),
    onnotice: () => {},
    // A Date has only milliseconds.
    types: { date: { to: 1184, from: [1082, 1114, 1184], serialize: String, parse: String } },
    connection: {
      application_name: 'ledger',
      TimeZone: 'UTC',
      DateStyle: 'ISO',
      ...(!isPooled && {
        statement_timeout: statementTimeoutMs,
        lock_timeout: lockTimeoutOf(queryDeadlineMs),
        idle_in_transaction_session_timeout: statementTimeoutMs,
        client_connection_check_interval: 1000,
      }),
    },
  }
  return postgres(url, options as unknown as postgres.Options<{}>)
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
