/** The URL for dbmate, whose own client knows fewer words than libpq: one host, and TLS or none. */
import { parseDatabaseUrl } from '../src/config/database_url.ts'
import type { Reached } from './connect.ts'

/** Parameters that dbmate understands as libpq does. */
const SAME = ['sslrootcert', 'sslcert', 'sslkey', 'application_name'] as const
const STRICT = ['require', 'verify-ca', 'verify-full']

/** As the server takes it, which splits options at spaces. */
const roleOption = (role: string | undefined): string | undefined =>
  role && `-c role=${role.replace(/[\\\s]/g, String.raw`\$&`)}`

/**
 * The URL of a database that was reached, in the words of dbmate.
 * @param role in whose name it works, if not in that of the user who logs in
 */
export function dbmateUrl(
  { url, place: { host }, isEncrypted }: Reached,
  role?: string,
): string {
  const { user, password, database, parameters } = parseDatabaseUrl(url)
  const isSocket = host.name.startsWith('/')
  const given = parameters.sslrootcert === 'system' ? 'verify-full' : parameters.sslmode ?? ''
  const found = isEncrypted ? 'require' : 'disable'
  const query = [
    ...(isSocket ? [['host', host.name]] : []),
    ['sslmode', isSocket ? 'disable' : STRICT.includes(given) ? given : found],
    ...SAME.map((name) => [name, parameters[name] ?? '']),
    ['options', [parameters.options, roleOption(role)].filter(Boolean).join(' ')],
  ].filter(([, value]) => value !== '')
  const name = host.name.includes(':') ? `[${host.name}]` : host.name
  const account = user === undefined
    ? ''
    : `${encodeURIComponent(user)}${password ? `:${encodeURIComponent(password)}` : ''}@`
  const text = query.map(([key, value]) => `${key}=${encodeURIComponent(value!)}`).join('&')
  return `postgres://${account}${isSocket ? '' : name}:${host.port}/` +
    `${encodeURIComponent(database ?? user ?? '')}?${text}`
}
