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

/** Its name, code and message; details and queries of a database error show rows, and stay out. */
function about(why: unknown): object {
  if (!(why instanceof Error)) return typeof why === 'string' ? { why } : {}
  const code = (why as { code?: unknown }).code
  return { why: why.message, name: why.name, ...(code !== undefined && { code }) }
}
