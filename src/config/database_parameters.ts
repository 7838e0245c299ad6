/** The parameters of libpq that this client understands, and which values of them. */

export const SESSION_ATTRIBUTES = [
  'any',
  'read-write',
  'read-only',
  'primary',
  'standby',
  'prefer-standby',
] as const

export type SessionAttributes = typeof SESSION_ATTRIBUTES[number]

const NUMBER = /^\d{1,9}$/
const ANY = /^[^]*$/

/** Parameters and the values that this client supports. */
const PARAMETERS = {
  host: ANY,
  port: ANY,
  dbname: ANY,
  user: ANY,
  password: ANY,
  target_session_attrs: new RegExp(`^(${SESSION_ATTRIBUTES.join('|')})$`),
  load_balance_hosts: /^(disable|random)$/,
  pgbouncer: /^(true|false)$/,
  application_name: ANY,
  fallback_application_name: ANY,
  options: ANY,
  client_encoding: /^(auto|utf-?8)$/i,
  connect_timeout: NUMBER,
  keepalives: /^[01]$/,
  keepalives_idle: NUMBER,
  // What follows the first probe is up to the operating system; each query has a deadline anyway.
  keepalives_interval: NUMBER,
  keepalives_count: NUMBER,
  tcp_user_timeout: NUMBER,
  sslmode: /^(disable|allow|prefer|require|verify-ca|verify-full)$/,
  ssl: /^(true|false|disable|allow|prefer|require|verify-ca|verify-full)$/,
  sslnegotiation: /^(postgres|direct)$/,
  sslrootcert: ANY,
  sslcert: ANY,
  sslkey: ANY,
  sslcompression: /^[01]$/,
  sslsni: /^1$/,
  // Both runtimes refuse older versions anyway.
  ssl_min_protocol_version: /^TLSv1(\.[12])?$/,
  ssl_max_protocol_version: /^TLSv1\.3$/,
  // There is no GSSAPI and no channel binding, so only values that don't require them are
  // supported.
  gssencmode: /^(disable|prefer)$/,
  krbsrvname: ANY,
  channel_binding: /^(disable|prefer|require)$/,
} as const

export type Parameter = keyof typeof PARAMETERS

/** Whether this client knows a parameter of a PostgreSQL URL. */
export const isKnown = (name: string): name is Parameter => Object.hasOwn(PARAMETERS, name)

/** Whether this client can do what this value of a parameter says. */
export const isUnderstood = (name: Parameter, value: string): boolean =>
  PARAMETERS[name].test(value)
