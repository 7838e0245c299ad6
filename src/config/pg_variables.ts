/** What libpq takes from PG… variables where a URL doesn't say it. */
import { checkDatabaseUrl } from './database_tls.ts'
import { isUnderstood, type Parameter } from './database_parameters.ts'
import { givenBy, parseDatabaseUrl } from './database_url.ts'
import { passwordFor } from './password_lines.ts'

type Env = Record<string, string | undefined>

const NAMES: Record<string, Parameter> = {
  PGHOST: 'host',
  PGPORT: 'port',
  PGDATABASE: 'dbname',
  PGUSER: 'user',
  PGPASSWORD: 'password',
  PGAPPNAME: 'application_name',
  PGCONNECT_TIMEOUT: 'connect_timeout',
  PGLOADBALANCEHOSTS: 'load_balance_hosts',
  PGSSLMODE: 'sslmode',
  PGSSLNEGOTIATION: 'sslnegotiation',
  PGSSLROOTCERT: 'sslrootcert',
  PGSSLCERT: 'sslcert',
  PGSSLKEY: 'sslkey',
  PGSSLCOMPRESSION: 'sslcompression',
  PGSSLSNI: 'sslsni',
  PGSSLMINPROTOCOLVERSION: 'ssl_min_protocol_version',
  PGSSLMAXPROTOCOLVERSION: 'ssl_max_protocol_version',
  PGGSSENCMODE: 'gssencmode',
  PGKRBSRVNAME: 'krbsrvname',
  PGCHANNELBINDING: 'channel_binding',
}

/**
 * Where psql would go elsewhere, or demand more. What is about a session only (PGTZ) isn't here.
 */
const NOT_UNDERSTOOD = [
  'PGHOSTADDR',
  'PGTARGETSESSIONATTRS', // The driver reads it by itself, and knows not all of its values.
  'PGREQUIREAUTH',
  'PGREQUIREPEER',
  'PGREQUIRESSL',
  'PGSSLCERTMODE',
  'PGSSLCRL',
  'PGSSLCRLDIR',
  'PGGSSDELEGATION',
]

/**
 * The URL with what the variables say besides.
 * @param passwordLines the file of passwords, for a URL without one
 * @throws Error with one line that names the variable, never its value
 */
export function withPgVariables(url: string, env: Env, passwordLines = ''): string {
  const given = givenBy(url)
  // A service fills in what a URL leaves out: with a host it would be the lesser part.
  const unknown = [...NOT_UNDERSTOOD, ...(given.has('host') ? [] : ['PGSERVICE'])]
    .find((name) => env[name])
  if (unknown) throw new Error(`${unknown} isn't understood: say in DATABASE_URL what it asks for`)
  const added = Object.entries(NAMES).flatMap(([name, parameter]) => {
    const value = env[name]
    if (!value || given.has(parameter)) return []
    if (!isUnderstood(parameter, value)) {
      throw new Error(`${name} has a value that isn't understood`)
    }
    return [`${parameter}=${encodeURIComponent(value)}`]
  })
  const whole = withParameters(url, added)
  try {
    if (whole !== url) checkDatabaseUrl(whole)
  } catch (error) {
    const names = Object.keys(NAMES).filter((name) => env[name])
    throw new Error(`DATABASE_URL, with ${names.join(', ')}, ${(error as Error).message}`, {
      cause: error,
    })
  }
  if (given.has('password') || env['PGPASSWORD']) return whole
  const user = env['USER']
  const password = passwordFor({ ...(user && { user }), ...parseDatabaseUrl(whole) }, passwordLines)
  if (password === undefined) return whole
  return withParameters(whole, [`password=${encodeURIComponent(password)}`])
}

/**
 * The URL of standbys: that only they are accepted, if it doesn't say which servers are.
 * @throws Error with one line if it asks for a primary
 */
export function standbyUrl(url: string): string {
  const { attributes } = parseDatabaseUrl(url)
  if (attributes === 'primary' || attributes === 'read-write') {
    throw new Error('DATABASE_READ_URL must not ask for a primary')
  }
  return givenBy(url).has('target_session_attrs')
    ? url
    : withParameters(url, ['target_session_attrs=standby'])
}

const withParameters = (url: string, added: string[]): string =>
  added.length === 0 ? url : `${url}${url.includes('?') ? '&' : '?'}${added.join('&')}`
