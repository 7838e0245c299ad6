/** TLS to PostgreSQL as the URL asks for it, with the meanings that libpq gives to the same words. */

/** What postgres takes as `ssl`. */
export type Ssl = false | 'prefer' | {
  rejectUnauthorized: boolean
  ca?: string
  cert?: string
  key?: string
  /** Whose name or address the certificate has to have. */
  host?: string
  checkServerIdentity?: () => undefined
}

export interface DatabaseTarget {
  /** Without what only a client has to know: PostgreSQL would refuse the settings. */
  url: string
  ssl: Ssl
}

const OURS = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'ssl']
const MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']
const SYSTEM = 'system'

export const hostOf = (url: URL): string =>
  url.searchParams.get('host') ?? decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, '$1')

/** On this machine there is nobody in between. */
export const isLocal = (url: URL): boolean =>
  /^(|localhost|127\.[\d.]+|::1|\/.*)$/.test(hostOf(url))

/**
 * The driver itself leaves `sslrootcert` to the server, verifies nothing with `require`, and takes a
 * certificate of `localhost` for any address. As with libpq, `require` with a root verifies it;
 * `verify-full` without one trusts the authorities that the runtime trusts.
 * @throws Error with one line that names the setting
 */
export function databaseTarget(text: string, readText: (path: string) => string): DatabaseTarget {
  const url = new URL(text)
  const given = (name: string) => url.searchParams.get(name) || undefined
  const wrong = (what: string) => new Error(`DATABASE_URL ${what}`)
  const read = (name: string) => {
    const path = given(name)
    if (path === undefined) return {}
    try {
      return { [name]: readText(path) }
    } catch {
      throw wrong(`names a file as ${name} that can't be read`)
    }
  }

  const root = given('sslrootcert')
  const isSystem = root === SYSTEM
  const mode = given('sslmode') ?? (isSystem ? 'verify-full' : isLocal(url) ? 'disable' : 'prefer')
  if (!MODES.includes(mode)) throw wrong(`must have one of these as sslmode: ${MODES.join(', ')}`)
  if (isSystem && mode !== 'verify-full') throw wrong('needs sslmode=verify-full with that root')
  if (mode === 'verify-ca' && !root) throw wrong('needs sslrootcert with sslmode=verify-ca')
  const files = { ...read('sslcert'), ...read('sslkey'), ...(isSystem ? {} : read('sslrootcert')) }
  const host = hostOf(url)
  for (const name of OURS) url.searchParams.delete(name)
  const target = (ssl: Ssl): DatabaseTarget => ({ url: url.href, ssl })

  if (mode === 'disable' || host.startsWith('/')) return target(false)
  if (mode === 'allow' || mode === 'prefer') return target('prefer')
  const { sslrootcert, sslcert, sslkey } = files as Record<string, string | undefined>
  const options = {
    ...(sslrootcert && { ca: sslrootcert }),
    ...(sslcert && { cert: sslcert }),
    ...(sslkey && { key: sslkey }),
  }
  if (mode === 'require' && !root) return target({ ...options, rejectUnauthorized: false })
  if (mode === 'verify-full') return target({ ...options, rejectUnauthorized: true, host })
  return target({ ...options, rejectUnauthorized: true, checkServerIdentity: () => undefined })
}
