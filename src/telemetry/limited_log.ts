/**
 * Limits a log, so that an outage can't flood it: of each kind, the first line at once, then a
 * count.
 */
import type { Log } from './log.ts'

/** How often the count of each kind is logged. */
const WINDOW_MS = 60_000
/** Further kinds share one. */
const MAX_KINDS = 200

export interface LimitedLog extends Log {
  /** Logs the counts that are left, and stops. */
  end(): void
}

interface Kind {
  count: number
  /** Logs the last line of the kind. */
  say: (fields: object) => void
}

/**
 * Limits warnings and errors of a log. Two are of one kind if they have the same message and the
 * same failure, which is told by its code (a SQLSTATE, ECONNREFUSED) if it has one.
 */
export function limitLog(log: Log, windowMs = WINDOW_MS): LimitedLog {
  const kinds = new Map<string, Kind>()
  let timer: ReturnType<typeof setInterval> | undefined

  function sayCounts() {
    for (const [name, kind] of kinds) {
      // If it comes back later it counts as new.
      if (kind.count === 0) kinds.delete(name)
      else kind.say({ repeated: kind.count, seconds: windowMs / 1000 })
      kind.count = 0
    }
    if (kinds.size > 0) return
    clearInterval(timer)
    timer = undefined
  }

  const limited =
    (level: 'warn' | 'error') => (what: string, why?: unknown, fields: object = {}) => {
      const name = kinds.size < MAX_KINDS ? `${level} ${nameOf(what, why)}` : level
      const say = (counted: object) => log[level](what, why, { ...fields, ...counted })
      const kind = kinds.get(name)
      if (kind) {
        kind.count++
        kind.say = say
        return
      }
      kinds.set(name, { count: 0, say })
      timer ??= setInterval(sayCounts, windowMs)
      say({})
    }

  return {
    debug: log.debug,
    info: log.info,
    warn: limited('warn'),
    error: limited('error'),
    end() {
      for (const { count, say } of kinds.values()) if (count > 0) say({ repeated: count })
      kinds.clear()
      clearInterval(timer)
      timer = undefined
    },
  }
}

/**
 * What tells one kind from another: the first code among an error and its causes, or else its name
 * and message. An error's route is no part of it: one outage fails the requests of all routes.
 */
function nameOf(what: string, why: unknown): string {
  const where = what.startsWith('/') ? '' : what
  if (!(why instanceof Error)) return `${what} ${typeof why === 'string' ? why : ''}`
  for (let error: unknown = why; error instanceof Error; error = error.cause) {
    const { code } = error as { code?: unknown }
    if (typeof code === 'string' && code !== '') return `${where} ${code}`
  }
  return `${where} ${why.name} ${why.message}`
}
