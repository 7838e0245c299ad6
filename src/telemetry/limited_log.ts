/** A log that an outage can't flood: of each kind the first line at once, then how many there were. */
import type { Log } from './log.ts'

/** How often the others of a kind are counted up. */
const WINDOW_MS = 60_000
/** Kinds beyond these share one. */
const MAX_KINDS = 200

export interface LimitedLog extends Log {
  /** Says what hasn't been said yet, and stops. */
  end(): void
}

interface Kind {
  count: number
  /** Says the last one of them. */
  say: (fields: object) => void
}

/**
 * Warnings and errors are of one kind if they say the same of the same failure; what that is called
 * by its own name (a SQLSTATE, ECONNREFUSED) says more than where it was met.
 */
export function limitLog(log: Log, windowMs = WINDOW_MS): LimitedLog {
  const kinds = new Map<string, Kind>()
  let timer: ReturnType<typeof setInterval> | undefined

  function sayCounts() {
    for (const [name, kind] of kinds) {
      // It may come back one day, and is new then.
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

/** Of a failure on its way out, the code of what it began with. */
function nameOf(what: string, why: unknown): string {
  const where = what.startsWith('/') ? '' : what
  if (!(why instanceof Error)) return `${what} ${typeof why === 'string' ? why : ''}`
  for (let error: unknown = why; error instanceof Error; error = error.cause) {
    const { code } = error as { code?: unknown }
    if (typeof code === 'string' && code !== '') return `${where} ${code}`
  }
  return `${where} ${why.name} ${why.message}`
}
