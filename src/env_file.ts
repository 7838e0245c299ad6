/** Settings from `.env`, for every command. */
import process from 'node:process'
import { parseEnv } from 'node:util'
import { SETTINGS } from './config/config.ts'
import { likelyName } from './config/likely_name.ts'
import { readRegularFileSync } from './regular_file.ts'

/**
 * Settings in `.env` that are not the service's: those of `npm run anchor` and docker-compose.yml.
 */
const OTHERS = [
  'ANCHOR_KEY_FILE',
  'POSTGRES_PASSWORD',
  'POSTGRES_PORT',
  'LEDGER_SERVICE_PASSWORD',
  'REDIS_REST_TOKEN',
  'REDIS_REST_PORT',
]
const KNOWN = [...SETTINGS, ...OTHERS]
/** Settings that Docker and Compose read themselves. */
const DOCKER = /^(COMPOSE|DOCKER)_/

/**
 * Names of other programs that are shorter than this are often one or two letters away from one of
 * ours, so they are not warned of.
 */
const MIN_FOREIGN_LENGTH = 8

export interface EnvFileOptions {
  path?: string
  env?: Record<string, string | undefined>
  warn?: (line: string) => void
}

/**
 * Loads `.env`. The environment wins over it; with process.loadEnvFile() it does not on Deno. Warns
 * of names that are no settings: of any such name in the file, but of the environment, which other
 * programs use too, only of names that look misspelt. Of a name that is there twice the last
 * counts, as elsewhere, with a warning.
 * @throws Error with one line if there is a `.env` that can't be read
 */
export function loadEnvFile(
  { path = '.env', env = process.env, warn = console.error }: EnvFileOptions = {},
): void {
  for (const name of Object.keys(env)) {
    const likely = name.length >= MIN_FOREIGN_LENGTH && !isKnown(name)
      ? likelyName(name, SETTINGS)
      : undefined
    if (likely) warn(`Warning: ${name} is no setting: did you mean ${likely}?`)
  }
  const text = readEnvFile(path)
  if (text === undefined) return
  const values = new Map<string, string | undefined>()
  for (const { line, text: assignment } of assignmentsOf(text)) {
    if (assignment === undefined) {
      warn(`Warning: line ${line} of ${path} is not read: it must be NAME=value or a comment`)
    }
    // Parsed one by one: in a whole file, a line that is no assignment takes the next name with it.
    for (const [name, value] of Object.entries(parseEnv(`${assignment ?? ''}\n`))) {
      if (!isKnown(name)) {
        const likely = likelyName(name, KNOWN)
        warn(
          `Warning: ${name} in ${path} is no setting${likely ? `: did you mean ${likely}?` : ''}`,
        )
      }
      if (values.has(name)) {
        warn(`Warning: ${name} in ${path} is there twice: line ${line} counts`)
      }
      values.set(name, value)
    }
  }
  for (const [name, value] of values) env[name] ??= value
}

const isKnown = (name: string): boolean => KNOWN.includes(name) || DOCKER.test(name)

/** The text of the file without the byte order mark, which would become part of the first name. */
function readEnvFile(path: string): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readRegularFileSync(path))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    const isText = error instanceof TypeError
    throw new Error(isText ? `${path} must be in UTF-8` : `${path} can't be read (${code})`, {
      cause: error,
    })
  }
}

/**
 * Every assignment with the number of its line. `text` is undefined for a line that assigns
 * nothing.
 */
function assignmentsOf(text: string): { line: number; text: string | undefined }[] {
  const lines = text.split(/\r?\n|\r/)
  const found: { line: number; text: string | undefined }[] = []
  for (let i = 0; i < lines.length; i++) {
    const first = i
    if (/^\s*(#|$)/.test(lines[i]!)) continue
    const [start, quote] = /^\s*(?:export\s+)?[A-Za-z_][\w.-]*\s*=\s*(["'`])?/.exec(lines[i]!) ?? []
    if (quote && !lines[i]!.slice(start!.length).includes(quote)) {
      // A quoted value may have several lines, such as those of a key.
      const end = lines.findIndex((line, n) => n > i && line.includes(quote))
      if (end > i) i = end
    }
    const whole = start === undefined ? undefined : lines.slice(first, i + 1).join('\n')
    found.push({ line: first + 1, text: whole })
  }
  return found
}
