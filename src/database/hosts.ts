/** Chooses the host that queries go to, and finds out whether a pooler is in between. */
import type postgres from 'postgres'
import { checkServer, isBehindPooler, isOfHost } from './client.ts'
import { isNotStandby, isReadOnly, isRefusedByPooler, type Place, placesOf } from './client.ts'
import { parseDatabaseUrl } from '../config/database_url.ts'

/** A connection to one of the hosts. It opens with its first query, and again after it was lost. */
export interface Connection {
  sql: postgres.Sql
  /** The index of its host. */
  place: number
  isPooled: boolean
  /**
   * Resolves when the server is known to be the right one; undefined after the connection was lost.
   */
  checked?: Promise<void> | undefined
}

export interface Hosts {
  count: number
  /** The index of the host that worked last. */
  current(): number
  /** Makes a connection to that host. */
  open(): Connection
  /** @throws WrongServer unless the server is what the URL asks for, Pooler if there is one */
  check(connection: Connection): Promise<void>
  /** What another try should change after an error; undefined if no other try helps. */
  next(connection: Connection, error: unknown): 'host' | 'connection' | undefined
}

export interface HostsOptions {
  url: string
  connect: (place: Place, isPooled: boolean, onclose: () => void) => postgres.Sql
  isOfSession: (error: unknown) => boolean
}

/** A pooler is in between, but this connection was made for PostgreSQL itself. */
class Pooler extends Error {
  override name = 'Pooler'
}

/**
 * Creates the choice of a host. A host is kept for as long as it can be reached and is what was
 * asked for.
 */
export function createHosts({ url: text, connect, isOfSession }: HostsOptions): Hosts {
  const url = parseDatabaseUrl(text)
  const places = placesOf(url)
  const isWriter = url.attributes === 'read-write' || url.attributes === 'primary'
  const isReader = url.attributes === 'standby' || url.attributes === 'prefer-standby'
  /**
   * Whether each host has a pooler, by index; undefined until it was checked, which happens before
   * the first query.
   */
  const poolers = places.map(() => url.isPooled)
  const looking: (Promise<void> | undefined)[] = []
  let current = 0

  async function look({ sql, place }: Connection): Promise<void> {
    try {
      poolers[place] = await isBehindPooler(sql)
    } catch (error) {
      if (!isRefusedByPooler(error)) {
        looking[place] = undefined
        throw error
      }
      poolers[place] = true
    }
  }

  async function check(connection: Connection): Promise<void> {
    const { place, sql } = connection
    if (poolers[place] === undefined) await (looking[place] ??= look(connection))
    if (poolers[place] && !connection.isPooled) throw new Pooler()
    await checkServer(sql, places[place]!.attributes)
  }

  return {
    count: places.length,
    current: () => current,

    open() {
      const isPooled = poolers[current] ?? false
      const connection: Connection = {
        place: current,
        isPooled,
        sql: connect(places[current]!, isPooled, () => connection.checked = undefined),
      }
      return connection
    },

    async check(connection) {
      try {
        await (connection.checked ??= check(connection))
      } catch (error) {
        connection.checked = undefined
        throw error
      }
    },

    next(connection, error) {
      if (error instanceof Pooler || isOfSession(error)) return 'connection'
      const hasChanged = (isWriter && isReadOnly(error)) || (isReader && isNotStandby(error))
      if (places.length === 1 || (!hasChanged && !isOfHost(error))) return undefined
      if (hasChanged) connection.checked = undefined
      if (current === connection.place) current = (current + 1) % places.length
      return 'host'
    },
  }
}
