/** Asks PostgreSQL the same four times a second, on a connection of its own. */
import { createDatabase, type Database, type DatabaseOptions } from '../database/database.ts'

const POLL_MS = 250
const QUERY_DEADLINE_MS = 2000
/** How long polls may fail before `failed` is called. */
const PATIENCE_MS = 1000

/** The connection to poll on. */
export const openPolled = (target: Pick<DatabaseOptions, 'url' | 'ssl'>): Database =>
  createDatabase({ ...target, max: 1, queryDeadlineMs: QUERY_DEADLINE_MS })

/** A wait between polls, which can be cut short. */
function createDelay() {
  let cut = () => {}
  return {
    cut: () => cut(),
    take: (ms: number) =>
      new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms)
        cut = () => {
          clearTimeout(timer)
          resolve()
        }
      }),
  }
}

export interface Polling {
  /** Resolves after a poll that began from now on, whether or not it failed. */
  refresh(): Promise<void>
  stop(): Promise<void>
}

export interface PollingOptions {
  /** Polls once; resolves with whether to poll again at once. */
  poll: (at: number) => Promise<boolean>
  /** Called once if polls have failed for more than a second. */
  failed: (error: unknown) => void
  /** Called after the last poll. */
  end: () => Promise<void>
  now?: (() => number) | undefined
}

/** Starts to poll, until it is stopped. */
export function startPolling(
  { poll, failed, end, now = () => performance.now() }: PollingOptions,
): Polling {
  const delay = createDelay()
  /** Those who wait for the next poll. */
  let waiting: (() => void)[] = []
  const stopping = new AbortController()
  let succeededAt = now()
  let hasFailed = false

  async function run() {
    while (!stopping.signal.aborted) {
      const at = now()
      const served = waiting
      waiting = []
      let isHasty = false
      try {
        isHasty = await poll(at)
        succeededAt = now()
        hasFailed = false
      } catch (error) {
        if (!hasFailed && now() - succeededAt > PATIENCE_MS) {
          hasFailed = true
          failed(error)
        }
      }
      for (const resolve of served) resolve()
      if (!isHasty && waiting.length === 0) await delay.take(Math.max(0, POLL_MS - (now() - at)))
    }
  }

  const running = run()
  return {
    refresh: () =>
      new Promise((resolve) => {
        if (stopping.signal.aborted) return resolve()
        waiting.push(resolve)
        delay.cut()
      }),
    async stop() {
      stopping.abort()
      delay.cut()
      await running
      for (const resolve of waiting) resolve()
      await end()
    },
  }
}
