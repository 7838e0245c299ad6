/** Hears of users that somebody else changed through SQL. */
import { createDatabase, type DatabaseOptions, isoTimestamp } from './database.ts'

const HEARTBEAT_MS = 1000

/** In the place of a user's id: whoever announced this lost count of who changed. */
export const EVERYBODY = 0

export interface ListenHandlers {
  /** Somebody changed this user: whatever is below this version is out of date. */
  changed(id: number, version: number): void
  /** No change is missed from this moment (by the clock of the database) on; null: some may be. */
  listening(since: string | null): void
}

/**
 * Keeps a connection in LISTEN. It asks that connection for the time once a second: an answer
 * proves that notifications arrive, and a connection that died silently shows.
 */
export function startListener(target: Pick<DatabaseOptions, 'url' | 'ssl'>, on: ListenHandlers) {
  let established = false
  let stopped = false
  let lostTimes = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  const lost = () => {
    lostTimes++
    if (established) on.listening(null)
    established = false
  }
  const database = createDatabase({
    ...target,
    max: 1,
    onclose: lost,
    onnotify: (_channel, payload) => {
      const [id, version] = payload.split(':').map(Number)
      if (id === EVERYBODY) lost()
      else if (Number.isSafeInteger(id) && Number.isSafeInteger(version)) on.changed(id!, version!)
    },
  })
  const beat = async () => {
    const before = lostTimes
    try {
      if (!established) await database.run((sql) => sql`listen ledger_changed`)
      const [row] = await database.run((sql) =>
        sql<{ now: string }[]>`select clock_timestamp() as now`
      )
      // The driver may have put the second query on a new connection that isn't listening.
      if (!established && !stopped && before === lostTimes) {
        established = true
        on.listening(isoTimestamp(row!.now))
      }
    } catch {
      lost()
    }
    if (stopped) return
    timer = setTimeout(() => {
      beating = beat()
    }, HEARTBEAT_MS)
  }
  let beating = beat()
  return {
    async stop() {
      stopped = true
      clearTimeout(timer)
      await beating
      await database.end()
    },
  }
}
