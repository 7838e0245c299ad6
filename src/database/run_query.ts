/** Runs one query within its deadline, on one host after the other until one works. */
import type postgres from 'postgres'
import { isOutcomeUnknown } from '../core/errors.ts'
import type { Connection, Hosts } from './hosts.ts'

/**
 * A client of the driver with one connection at a time. Each host has a driver connection of its
 * own, because the driver counts for each how often it failed.
 */
export interface Client {
  /** By the index of the host. */
  connections: (Connection | undefined)[]
  /** Queries in flight. */
  running: number
}

export interface QueryOptions {
  client: Client
  hosts: Hosts
  deadlineMs: number
}

type Query<T> = (sql: postgres.Sql) => Promise<T>

/** A query and how far it is. */
interface Attempt extends QueryOptions {
  connection?: Connection
  /** Whether it was sent, so that PostgreSQL may have run it. */
  isSent: boolean
  isOver: boolean
}

/**
 * Runs a query. A connection whose state isn't known afterwards is given up.
 * @throws whatever postgres throws, or an error with code DEADLINE after deadlineMs
 */
export async function runQuery<T>(query: Query<T>, options: QueryOptions): Promise<T> {
  const attempt: Attempt = { ...options, isSent: false, isOver: false }
  try {
    return await withDeadline(attempt, runOnHosts(attempt, query))
  } catch (error) {
    // After the deadline the network may swallow everything, so nothing waits for a good end.
    if (attempt.isOver) drop(attempt, 0)
    else if (isOutcomeUnknown(error)) drop(attempt, attempt.deadlineMs)
    throw error
  }
}

async function runOnHosts<T>(attempt: Attempt, query: Query<T>): Promise<T> {
  const { hosts } = attempt
  for (let tries = 1;; tries++) {
    try {
      const { sql } = await connectionFor(attempt)
      attempt.isSent = true
      return await query(sql)
    } catch (error) {
      const next = hosts.next(attempt.connection!, error)
      if (next === 'connection') drop(attempt, attempt.deadlineMs)
      // Each host is tried at most twice: as PostgreSQL, and as a pooler or in another session.
      if (next === undefined || attempt.isOver || tries === 2 * hosts.count) throw error
      attempt.isSent = false
    }
  }
}

/** Returns a connection to the host that worked last, once its server was checked. */
async function connectionFor(attempt: Attempt): Promise<Connection> {
  const { client, hosts } = attempt
  const connection = client.connections[hosts.current()] ??= hosts.open()
  attempt.connection = connection
  try {
    await hosts.check(connection)
  } catch (error) {
    if (!isOutcomeUnknown(error)) throw error
    drop(attempt, attempt.deadlineMs)
    // The query itself was not sent.
    throw notConnected(error)
  }
  // The caller was told that the query failed.
  if (attempt.isOver) throw notConnected()
  return connection
}

/**
 * Gives up the connection of an attempt. The driver would put the rest of a message that was cut
 * before the first one of the next connection, and report its error as that one's, so each driver
 * connection is used once.
 * @param timeoutMs how long the driver may wait for queries in flight
 */
function drop({ client: { connections }, connection }: Attempt, timeoutMs: number): void {
  if (!connection || connections[connection.place] !== connection) return
  connections[connection.place] = undefined
  void connection.sql.end({ timeout: timeoutMs / 1000 }).catch(() => {})
}

/** Settles as the work does. After the deadline it rejects, and the attempt is over. */
async function withDeadline<T>(attempt: Attempt, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      attempt.isOver = true
      const late = Object.assign(new Error('query deadline'), { code: 'DEADLINE' })
      reject(attempt.isSent ? late : notConnected(late))
    }, attempt.deadlineMs)
  })
  try {
    return await Promise.race([work, deadline])
  } finally {
    clearTimeout(timer)
  }
}

const notConnected = (cause?: unknown) =>
  Object.assign(new Error('no connection', { cause }), { code: 'CONNECT_TIMEOUT' })
