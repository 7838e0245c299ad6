/** Reads the parameters of TLS in a PostgreSQL URL, with the meanings that they have for libpq. */
import { type DatabaseUrl, type Host, parseDatabaseUrl } from './database_url.ts'

/** The option `ssl` of the driver. */
export type Ssl = false | 'prefer' | {
  rejectUnauthorized: boolean
  ca?: string
  cert?: string
  key?: string
  checkServerIdentity?: () => undefined
}

export interface DatabaseTarget {
  url: string
  ssl: Ssl
}

const SYSTEM = 'system'

/** Whether a host is this machine, so that nobody is in between. */
const isLocal = ({ name }: Host): boolean => /^(localhost|127\.[\d.]+|::1|\/.*)$/.test(name)

/**
 * Adds the TLS options of a URL to it. The driver by itself ignores `sslrootcert`, verifies
 * nothing with `require`, and accepts a certificate of `localhost` for any address. Here, as with
 * libpq, `require` with a root verifies the certificate, and `verify-full` without one trusts the
 * authorities that the runtime trusts.
 * @throws Error with one line that names the setting
 */
export function databaseTarget(
  text: string,
  readText: (path: string) => string,
  setting = 'DATABASE_URL',
): DatabaseTarget {
  try {
    return { url: text, ssl: sslOf(parseDatabaseUrl(text), readText) }
  } catch (error) {
    throw new Error(`${setting} ${(error as Error).message}`, { cause: error })
  }
}

/**
 * Checks a URL without looking at the files that it names.
 * @throws Error with a message to be put behind the name of the setting
 */
export function checkDatabaseUrl(text: string): void {
  sslOf(parseDatabaseUrl(text), () => '')
}

/** The TLS options of all hosts. Those of a host add the name that its certificate must have. */
function sslOf({ hosts, parameters }: DatabaseUrl, readText: (path: string) => string): Ssl {
  const read = (name: 'sslrootcert' | 'sslcert' | 'sslkey') => {
    const path = parameters[name]
    if (path === undefined) return undefined
    try {
      return readText(path)
    } catch {
      throw new Error(
        `names a file as ${name} (or PG${name.toUpperCase()} does) that can't be read`,
      )
    }
  }

  const { sslrootcert: root } = parameters
  const isSystem = root === SYSTEM
  const usual = hosts.every(isLocal) ? 'disable' : 'prefer'
  const mode = parameters.sslmode ?? (isSystem ? 'verify-full' : usual)
  if (isSystem && mode !== 'verify-full') {
    throw new Error('needs sslmode=verify-full with that root')
  }
  if (mode === 'verify-ca' && !root) throw new Error('needs sslrootcert with sslmode=verify-ca')
  if (parameters.channel_binding === 'require' && mode !== 'verify-full') {
    throw new Error(
      'has channel_binding=require, which needs sslmode=verify-full here: a certificate that is ' +
        'verified keeps out whoever the binding would',
    )
  }
  const isOptional = mode === 'disable' || mode === 'allow' || mode === 'prefer'
  if (parameters.sslnegotiation === 'direct' && isOptional) {
    throw new Error('needs sslmode=require, or more, with sslnegotiation=direct')
  }
  if (mode === 'disable') return false
  const ca = isSystem ? undefined : read('sslrootcert')
  const [cert, key] = [read('sslcert'), read('sslkey')]
  if (mode === 'allow' || mode === 'prefer') return 'prefer'
  const options = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }
  if (mode === 'require' && !root) return { ...options, rejectUnauthorized: false }
  if (mode === 'verify-full') return { ...options, rejectUnauthorized: true }
  return { ...options, rejectUnauthorized: true, checkServerIdentity: () => undefined }
}
