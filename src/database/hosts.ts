/** Which of the hosts of a URL a query goes to, and whether a pooler is in between. */
import type postgres from 'postgres'
import { checkServer, isBehindPooler, isOfHost } from './client.ts'
import { isReadOnly, isRefusedByPooler, type Place, placesOf } from './client.ts'
import { parseDatabaseUrl } from '../config/database_url.ts'

/** To one of the hosts: it opens with its first query, and again after it was lost. */
export interface Connection {
  sql: postgres.Sql
  /** Of its host among all of them. */
  place: number
  isPooled: boolean
  /** Settles when the server is known to be the right one; undefined after the connection was lost. */
  checked?: Promise<void> | undefined
}

export interface Hosts {
  count: number
  /** The place of the host that worked last. */
  current(): number
  /** A connection to that host. */
  open(): Connection
  /** @throws WrongServer unless the server is what the URL asks for, Pooler if there is one */
  check(connection: Connection): Promise<void>
  /** What another try may get further with than this one; undefined: nothing. */
  next(connection: Connection, error: unknown): 'host' | 'without settings' | undefined
}

export interface HostsOptions {
  url: string
  connect: (place: Place, isPooled: boolean, onclose: () => void) => postgres.Sql
}

/** There is a pooler, which this connection was not made for. */
class Pooler extends Error {
  override name = 'Pooler'
}

/** Goes on with a host for as long as it can be reached and is what was asked for. */
export function createHosts({ url: text, connect }: HostsOptions): Hosts {
  const url = parseDatabaseUrl(text)
  const places = placesOf(url)
  const isWriter = url.attributes === 'read-write' || url.attributes === 'primary'
  /** By place; undefined until somebody has looked, which is before any query is sent. */
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
      if (error instanceof Pooler) return 'without settings'
      const isDemoted = isWriter && isReadOnly(error)
      if (places.length === 1 || (!isDemoted && !isOfHost(error))) return undefined
      if (isDemoted) connection.checked = undefined
      if (current === connection.place) current = (current + 1) % places.length
      return 'host'
    },
  }
}
