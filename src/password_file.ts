/** Reads the file of passwords that libpq reads, for every command. */
import { readFileSync, statSync } from 'node:fs'
import process from 'node:process'

const OPEN_TO_OTHERS = 0o077

export interface PasswordFileOptions {
  env?: Record<string, string | undefined>
  warn?: (line: string) => void
}

/**
 * The content of PGPASSFILE, or else of ~/.pgpass; undefined if there is none. One that others may
 * read is warned of and left alone, as libpq does.
 */
export function readPasswordFile(
  { env = process.env, warn = console.error }: PasswordFileOptions = {},
): string | undefined {
  const path = env['PGPASSFILE'] || (env['HOME'] && `${env['HOME']}/.pgpass`)
  if (!path) return undefined
  try {
    const status = statSync(path)
    if (!status.isFile()) return undefined
    if ((status.mode & OPEN_TO_OTHERS) === 0) return readFileSync(path, 'utf8')
    warn(`Warning: ${path} is not read, because others may read it: chmod 600 ${path}`)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT') warn(`Warning: ${path} can't be read (${code})`)
  }
  return undefined
}
