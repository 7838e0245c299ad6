/** The log: one JSON line for each event, on standard error. */
import type { Config } from '../config/config.ts'

const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const

export type Log = Record<
  'debug' | 'info' | 'warn' | 'error',
  /**
   * Logs an event. `fields` are written as they are, so they must have no secrets and no data of
   * users.
   */
  (what: string, why?: unknown, fields?: object) => void
>

/** Creates a log. Events below `level` are dropped. */
export function createLog(level: Config['logLevel']): Log {
  const write = (at: typeof LEVELS[number]) => (what: string, why?: unknown, fields = {}) => {
    if (LEVELS.indexOf(at) < LEVELS.indexOf(level)) return
    const time = new Date().toISOString()
    console.error(JSON.stringify({ time, level: at, what, ...about(why), ...fields }))
  }
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}

/** How deep causes are followed, and how many characters of a message are logged. */
const MAX_CAUSES = 4
const MAX_MESSAGE_LENGTH = 500

/**
 * The name, code and message of an error, and those of its causes. Details and the query of a
 * database error show rows, and are left out.
 */
function about(why: unknown, causes = MAX_CAUSES): object {
  if (!(why instanceof Error)) return typeof why === 'string' ? { why } : {}
  const { code, errors } = why as { code?: unknown; errors?: unknown }
  // A host with several addresses fails with an error for each, and says nothing itself.
  const cause: unknown = why.cause ?? (Array.isArray(errors) ? errors[0] : undefined)
  return {
    why: withoutSecrets(why.message),
    name: why.name,
    ...(code !== undefined && { code }),
    ...(cause instanceof Error && causes > 0 && { cause: about(cause, causes - 1) }),
  }
}

/** Removes passwords and tokens from URLs in a text, such as in a message of fetch. */
const withoutSecrets = (text: string): string =>
  text.slice(0, MAX_MESSAGE_LENGTH)
    .replace(/:\/\/[^\s/@]*@/g, '://***@')
    .replace(/(:\/\/[^\s?#]*)\?[^\s)]*/g, '$1?***')
