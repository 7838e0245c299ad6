/** Finds a password in a file as libpq keeps them, ~/.pgpass: host:port:database:user:password. */
import type { DatabaseUrl } from './database_url.ts'

/** The folders of libpq's own sockets, for which such a file says localhost. */
const DEFAULT_SOCKETS = ['/tmp', '/var/run/postgresql', '/run/postgresql']

/** The fields of a line. A backslash makes the next character one of its own. */
function fieldsOf(line: string): string[] {
  const fields = ['']
  for (const [, escaped, plain] of line.matchAll(/\\(.)|(.)/g)) {
    // The password is all that is left.
    if (plain === ':' && fields.length < 5) fields.push('')
    else fields.push(fields.pop()! + (escaped ?? plain))
  }
  return fields
}

/**
 * The password for the hosts of a URL; of each host the first line that matches counts.
 * @throws Error with one line if the hosts have several passwords
 */
export function passwordFor(
  { hosts, user = '', database = user }: DatabaseUrl,
  lines: string,
): string | undefined {
  const entries = lines.split(/\r?\n/).filter((line) => !line.startsWith('#')).map((line) => ({
    // `*` means any only where it is not escaped.
    isAny: line.split(':', 4).map((field) => field === '*'),
    fields: fieldsOf(line),
  })).filter(({ fields }) => fields.length === 5)
  const passwords = hosts.map(({ name, port }) => {
    const host = DEFAULT_SOCKETS.includes(name) ? 'localhost' : name
    const wanted = [host, String(port), database, user]
    return entries.find(({ fields, isAny }) =>
      wanted.every((one, i) => isAny[i] || fields[i] === one)
    )?.fields[4]
  })
  const found = new Set(passwords.filter((one) => one !== undefined))
  if (found.size > 1) {
    throw new Error(
      'DATABASE_URL has hosts with several passwords in the password file: give it in the URL',
    )
  }
  return [...found][0]
}
