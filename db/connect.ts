/** How the commands connect: to the first host that will do, and to no other from then on. */
import type postgres from 'postgres'
import {
  checkServer,
  type ClientOptions,
  createClient,
  isBehindPooler,
  isOfHost,
  isRefusedByPooler,
  type Place,
  placesOf,
} from '../src/database/client.ts'
import { type DatabaseTarget, databaseTarget } from '../src/config/database_tls.ts'
import { parseDatabaseUrl } from '../src/config/database_url.ts'
import { readRegularFileSync } from '../src/regular_file.ts'

export interface Reached extends DatabaseTarget {
  place: Place
  isPooled: boolean
  /** Whether the connection was encrypted. */
  isEncrypted: boolean
}

type Options = Partial<Pick<ClientOptions, 'max' | 'settings'>>

/**
 * Tries the hosts as libpq would.
 * @throws Error with one line, or what the last host said
 */
export async function reach(text: string, setting = 'DATABASE_URL'): Promise<Reached> {
  const target = databaseTarget(text, (path) => readRegularFileSync(path).toString(), setting)
  const url = parseDatabaseUrl(text)
  let failure: unknown
  for (const place of placesOf(url)) {
    const reached = { ...target, place, isPooled: url.isPooled ?? false, isEncrypted: false }
    try {
      return { ...reached, ...await look(reached, url.isPooled === undefined) }
    } catch (error) {
      failure = error
      if (!isOfHost(error)) break
    }
  }
  throw failure
}

/** With a setting that PgBouncer refuses, as long as nobody has said whether it is there. */
async function look(reached: Reached, mayBePooled: boolean): Promise<Partial<Reached>> {
  const sql = open(reached, mayBePooled ? { settings: { lock_timeout: '0' } } : {})
  const pooled = async () => ({
    ...await look({ ...reached, isPooled: true }, false),
    isPooled: true,
  })
  try {
    if (mayBePooled && await isBehindPooler(sql)) return await pooled()
    await checkServer(sql, reached.place.attributes)
    const [row] = await sql<{ ssl: boolean }[]>`
      select ssl from pg_catalog.pg_stat_ssl where pid = pg_catalog.pg_backend_pid()`
    return { isEncrypted: row?.ssl ?? false }
  } catch (error) {
    if (!mayBePooled || !isRefusedByPooler(error)) throw error
    return await pooled()
  } finally {
    await sql.end({ timeout: 0 })
  }
}

/** Connections that have as long as it takes, and never move to another backend by themselves. */
export const open = (reached: Reached, { max = 1, settings = {} }: Options = {}): postgres.Sql =>
  createClient({ ...reached, max, settings, connectTimeoutSeconds: 10 })
