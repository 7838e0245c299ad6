/** One JSON line an event, on standard error. */
import type { Config } from '../config/config.ts'

const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const

export type Log = Record<
  'debug' | 'info' | 'warn' | 'error',
  /** `fields` are written as they are: no secrets, nobody's data. */
  (what: string, why?: unknown, fields?: object) => void
>

/** Events below `level` are dropped. */
export function createLog(level: Config['logLevel']): Log {
  const write = (at: typeof LEVELS[number]) => (what: string, why?: unknown, fields = {}) => {
    if (LEVELS.indexOf(at) < LEVELS.indexOf(level)) return
    const time = new Date().toISOString()
    console.error(JSON.stringify({ time, level: at, what, ...about(why), ...fields }))
  }
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}

/** Causes of causes, and how much of a message: it may be made by somebody else. */
const MAX_CAUSES = 4
const MAX_MESSAGE_LENGTH = 500

/**
 * Its name, code and message, and those of what caused it; details and queries of a database error
 * show rows, and stay out.
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

/** Fetch names a URL in what it says, and there may be a password or a token in it. */
const withoutSecrets = (text: string): string =>
  text.slice(0, MAX_MESSAGE_LENGTH)
    .replace(/:\/\/[^\s/@]*@/g, '://***@')
    .replace(/(:\/\/[^\s?#]*)\?[^\s)]*/g, '$1?***')
