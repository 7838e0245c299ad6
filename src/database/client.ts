/**
 * Creates clients of the driver, for one of the hosts in a PostgreSQL URL. Only this file knows the
 * driver's options.
 */
import postgres from 'postgres'
import type { DatabaseTarget } from '../config/database_tls.ts'
import { type DatabaseUrl, type Host, parseDatabaseUrl } from '../config/database_url.ts'
import type { SessionAttributes } from '../config/database_parameters.ts'
import { codeOf } from '../core/errors.ts'

/** A host, and what its server must be to be accepted. */
export interface Place {
  host: Host
  attributes: Exclude<SessionAttributes, 'prefer-standby'>
}

export interface ClientOptions extends DatabaseTarget {
  place: Place
  max: number
  /** Whether PgBouncer is in between. It accepts no settings, and keeps no prepared statements. */
  isPooled: boolean
  connectTimeoutSeconds: number
  /** Settings of the session (startup parameters). */
  settings: Record<string, string | number | boolean>
  onclose?: (() => void) | undefined
}

/** Settings that PgBouncer keeps for each of its clients. */
const KEPT_BY_POOLERS = ['application_name', 'TimeZone', 'DateStyle']

/**
 * Codes of errors after which the next host is tried: this one can't be reached, is starting, or
 * isn't what was asked for.
 */
const OF_HOST = new Set([
  'ECONNREFUSED',
  'ENOENT',
  'EACCES',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'CONNECT_TIMEOUT',
  'WRONG_SERVER',
  '57P03', // cannot_connect_now
])

/** Whether an error means that another host should be tried. */
export const isOfHost = (error: unknown): boolean => OF_HOST.has(codeOf(error))

/** Whether an error means that the server is a standby. */
export const isReadOnly = (error: unknown): boolean => codeOf(error) === '25006'

/** Whether an error of ledger.assert_replica means that the server isn't the right standby. */
export const isNotStandby = (error: unknown): boolean => codeOf(error) === '55000'

/** Whether an error means that PgBouncer refused a setting: it accepts only those that it knows. */
export const isRefusedByPooler = (error: unknown): boolean =>
  codeOf(error) === '08P01' &&
  (error as Error).message.startsWith('unsupported startup parameter')

/**
 * Whether a pooler is in between. A pooler invents the backend's process id that it announces,
 * because each transaction may have another backend.
 */
export async function isBehindPooler(sql: postgres.Sql): Promise<boolean> {
  const rows = await sql.unsafe<{ pid: number }[]>('select pg_catalog.pg_backend_pid() as pid')
  return rows[0]!.pid !== rows.state.pid
}

/** The places of a URL in the order in which they are tried. */
export function placesOf({ hosts, attributes, isShuffled }: DatabaseUrl): Place[] {
  const order = isShuffled
    ? hosts.map((host) => ({ host, key: Math.random() })).sort((a, b) => a.key - b.key)
    : hosts.map((host) => ({ host }))
  const allAs = (wanted: Place['attributes']) =>
    order.map(({ host }) => ({ host, attributes: wanted }))
  return attributes === 'prefer-standby'
    ? [...allAs('standby'), ...allAs('any')]
    : allAs(attributes)
}

/** Creates a client of the driver. It connects with its first query. */
export function createClient(options: ClientOptions): postgres.Sql {
  const { url, place: { host }, isPooled, settings, onclose } = options
  const { user, password, database, parameters } = parseDatabaseUrl(url)
  const { application_name, options: given, connect_timeout } = parameters
  const isSocket = host.name.startsWith('/')
  const sent = isPooled
    ? Object.entries(settings).filter(([name]) => KEPT_BY_POOLERS.includes(name))
    : Object.entries(settings)
  const client = {
    // Lists, because the driver would look for ports and further hosts in a text.
    host: [isSocket ? 'localhost' : host.name],
    port: [host.port],
    ...(isSocket && { path: `${host.name}/.s.PGSQL.${host.port}` }),
    ...(user && { user }),
    ...(password && { password }),
    ...(database && { database }),
    ssl: sslFor(options),
    sslnegotiation: parameters.sslnegotiation === 'direct' ? 'direct' : null,
    max: options.max,
    prepare: !isPooled,
    // The driver must not ask for the types of arrays at the start: arrays are sent and read as
    // text.
    fetch_types: false,
    connect_timeout: Math.min(
      Number(connect_timeout ?? 0) || Infinity,
      options.connectTimeoutSeconds,
    ),
    keep_alive: parameters.keepalives === '0' ? 0 : Number(parameters.keepalives_idle ?? 0) || 60,
    max_lifetime: null,
    backoff: (retries: number) => Math.min(0.05 * 2 ** retries, 1) * (0.5 + Math.random() / 2),
    onnotice: () => {},
    // Times are read as text: a Date has only milliseconds.
    types: { date: { to: 1184, from: [1082, 1114, 1184], serialize: String, parse: String } },
    connection: {
      ...Object.fromEntries(sent),
      ...(application_name && { application_name }),
      ...(given && { options: given }),
    },
    ...(onclose && { onclose }),
  }
  return postgres(client as unknown as postgres.Options<{}>)
}

function sslFor({ ssl, place: { host } }: ClientOptions) {
  // As with libpq: a Unix socket needs no TLS.
  if (host.name.startsWith('/')) return false
  const isNamed = typeof ssl === 'object' && ssl.rejectUnauthorized && !ssl.checkServerIdentity
  return isNamed ? { ...ssl, host: host.name } : ssl
}

/** The server isn't what target_session_attrs asks for. */
export class WrongServer extends Error {
  override name = 'WrongServer'
  readonly code = 'WRONG_SERVER'
}

/** @throws WrongServer unless the session is what was asked for */
export async function checkServer(sql: postgres.Sql, attributes: Place['attributes']) {
  if (attributes === 'any') return
  const [row] = await sql<{ standby: boolean; read_only: boolean }[]>`
    select pg_catalog.pg_is_in_recovery() as standby,
      pg_catalog.current_setting('transaction_read_only') = 'on' as read_only`
  const { standby, read_only } = row!
  const fits = {
    'primary': !standby,
    'standby': standby,
    'read-write': !standby && !read_only,
    'read-only': standby || read_only,
  }
  if (!fits[attributes]) throw new WrongServer(`the server is not ${attributes}`)
}
