/** Parses PostgreSQL URLs as libpq does. What this client can't do as a URL says is refused. */
import {
  isKnown,
  isUnderstood,
  type Parameter,
  type SessionAttributes,
} from './database_parameters.ts'

export interface Host {
  /** A name, an address, or the absolute path of a folder with a socket. */
  name: string
  port: number
}

export interface DatabaseUrl {
  /** In the order in which they are tried. */
  hosts: Host[]
  /** Default: PGUSER, PGPASSWORD and PGDATABASE, or else the user of the system. */
  user?: string
  password?: string
  database?: string
  /** target_session_attrs: which servers are accepted. */
  attributes: SessionAttributes
  /** Whether the hosts are tried in random order. */
  isShuffled: boolean
  /** Whether PgBouncer is in between. It refuses settings, and may change the connection. */
  isPooled?: boolean
  /** All other parameters that have an effect here. */
  parameters: Partial<Record<Parameter, string>>
}

const PORT = 5432
/** The hosts that libpq tries when the URL names none: folders of sockets, then TCP. */
const NO_HOST = ['/var/run/postgresql', '/tmp', 'localhost']

/**
 * What a URL says itself, by the name of the parameter that would say the same.
 * @throws as parseDatabaseUrl
 */
export function givenBy(text: string): Set<Parameter> {
  const { user, password, hosts, database, query } = split(text)
  const given = new Set(Object.keys(parametersOf(query)) as Parameter[])
  const isGiven = (name: Parameter, value: string) => value !== '' && given.add(name)
  isGiven('host', hosts.names)
  isGiven('port', hosts.ports.replaceAll(',', ''))
  isGiven('user', user)
  isGiven('password', password)
  isGiven('dbname', database)
  return given
}

/**
 * Parses a URL.
 * @throws Error with a message to be put behind the name of the setting, without anything secret
 */
export function parseDatabaseUrl(text: string): DatabaseUrl {
  const { user, password, hosts, database, query } = split(text)
  const parameters = parametersOf(query)
  const { host = hosts.names, port = hosts.ports, dbname = database } = parameters
  const url: DatabaseUrl = {
    hosts: hostsOf(host, port),
    attributes: (parameters.target_session_attrs ?? 'any') as SessionAttributes,
    isShuffled: parameters.load_balance_hosts === 'random',
    parameters,
  }
  const account = { user: parameters.user ?? user, password: parameters.password ?? password }
  if (account.user) url.user = account.user
  if (account.password) url.password = account.password
  if (dbname) url.database = dbname
  if (parameters.pgbouncer) url.isPooled = parameters.pgbouncer === 'true'
  return url
}

/** A URL for the log: its user, hosts, database and sslmode, without password and the rest. */
export function describeDatabaseUrl(text: string): string {
  const { hosts, user, database = '', parameters } = parseDatabaseUrl(text)
  const [, scheme] = /^(\w+):/.exec(text)!
  const places = hosts.map(({ name, port }) => {
    const shown = name.includes(':') ? `[${name}]` : name
    return name.startsWith('/') ? shown : `${shown}:${port}`
  })
  const mode = parameters.sslmode ? `?sslmode=${parameters.sslmode}` : ''
  return `${scheme}://${user ? `${user}@` : ''}${places.join()}/${database}${mode}`
}

/** The URL of the same database, with the same account, on another server. */
export const atServer = (text: string, host: string, port: number): string =>
  `${text}${text.includes('?') ? '&' : '?'}host=${encodeURIComponent(host)}&port=${port}` +
  '&target_session_attrs=any'

function split(text: string) {
  const [, rest] = /^postgres(?:ql)?:\/\/([^]*)$/.exec(text) ?? []
  if (rest === undefined) {
    throw new Error('must be a URL that starts with postgres:// or postgresql://')
  }
  // As in libpq: everything before an @ that comes before any / is user and password.
  const slash = rest.indexOf('/')
  const at = rest.lastIndexOf('@', slash === -1 ? undefined : slash)
  const userinfo = at === -1 ? '' : rest.slice(0, at)
  const [, authority = '', path, query = ''] =
    /^([^/?]*)(?:\/([^?]*))?(?:\?([^]*))?$/.exec(rest.slice(at + 1)) ?? []
  const colon = userinfo.indexOf(':')
  const names: string[] = []
  const ports: string[] = []
  for (const place of authority.split(',')) {
    const [, address, name, port = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::(.*))?$/.exec(place) ?? []
    if (address === undefined && name === undefined) throw new Error('names a host that is none')
    names.push(decoded(address ?? name!, 'host'))
    ports.push(port)
  }
  return {
    user: decoded(colon === -1 ? userinfo : userinfo.slice(0, colon), 'user'),
    password: colon === -1 ? '' : decoded(userinfo.slice(colon + 1), 'password'),
    hosts: { names: names.join(), ports: ports.join() },
    database: decoded(path ?? '', 'database'),
    query,
  }
}

function decoded(text: string, what: string): string {
  try {
    const plain = decodeURIComponent(text)
    if (!plain.includes('\0')) return plain
  } catch {
    // The message doesn't repeat the text, which may be the password.
  }
  throw new Error(`has a % in its ${what} that begins no character: write the % itself as %25`)
}

function parametersOf(query: string): DatabaseUrl['parameters'] {
  const parameters: DatabaseUrl['parameters'] = {}
  for (const pair of query.split('&')) {
    if (!pair) continue
    const [, key, text] = /^([^=]*)=?([^]*)$/.exec(pair)!
    const name = decoded(key!, 'parameters')
    const shown = /^\w{1,40}$/.test(name) ? name : 'without a name'
    if (!isKnown(name)) throw new Error(`has a parameter that isn't understood: ${shown}`)
    const value = decoded(text!, name)
    // As in libpq, an empty parameter counts as absent.
    if (value === '') continue
    if (!isUnderstood(name, value)) {
      throw new Error(`has a value that isn't understood for the parameter ${name}`)
    }
    parameters[name] = value
  }
  return withSslMode(parameters)
}

/** Translates `ssl`, which other drivers use, to `sslmode`. */
function withSslMode({ ssl, ...parameters }: DatabaseUrl['parameters']): DatabaseUrl['parameters'] {
  const { sslmode } = parameters
  const asked = ssl === 'true' ? 'require' : ssl === 'false' ? 'disable' : ssl
  if (asked && sslmode && asked !== sslmode && ssl !== 'true') {
    throw new Error('asks for one thing by ssl and for another by sslmode')
  }
  const isNone = sslmode === 'disable' || sslmode === 'allow' || sslmode === 'prefer'
  if (ssl === 'true' && isNone) {
    throw new Error('asks for TLS by ssl and for less by sslmode')
  }
  const mode = sslmode ?? asked
  return mode ? { ...parameters, sslmode: mode } : parameters
}

function hostsOf(host: string, port: string): Host[] {
  const names = host === '' ? NO_HOST : host.split(',')
  const ports = port.split(',')
  if (ports.length !== 1 && ports.length !== names.length) {
    throw new Error('must have one port for all hosts, or one for each')
  }
  return names.map((name, i) => {
    const text = ports[ports.length === 1 ? 0 : i]!
    const isPort = text === '' ||
      (/^\d{1,5}$/.test(text) && Number(text) > 0 && Number(text) < 65536)
    if (!isPort) throw new Error('has a port that is none')
    if (!/^(\/[^]*|[\w.:%-]+)$/.test(name)) throw new Error('names a host that is none')
    return { name, port: text === '' ? PORT : Number(text) }
  })
}
