/** Keeps what is shown as it is in the ledger. */
import type { Session } from './session.ts'

/** For what has no events, such as the end of a hold's time, and while there is no stream of them. */
const POLL_MS = 5_000

/** Between two looks at a user of whom much is written. */
const PAUSE_MS = 500

/** Runs the work at once, or again a moment after it has ended: never twice at a time. */
export function oneAtATime(work: () => Promise<void>): () => void {
  let isRunning = false
  let isWanted = false
  async function run(): Promise<void> {
    isWanted = true
    if (isRunning) return
    isRunning = true
    while (isWanted) {
      isWanted = false
      await work()
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
    isRunning = false
  }
  return () => void run()
}

/**
 * Calls back now, for each event of the user, and every few seconds, while somebody may look at the
 * page: a hidden one would keep one of the few connections that a browser opens.
 * @returns what ends it
 */
export function follow({ client }: Session, user: number, onChange: () => void): () => void {
  let stream: AbortController | undefined

  async function listen(signal: AbortSignal): Promise<void> {
    for await (const _ of client.events({ user, after: 'now' }, { signal })) onChange()
  }

  function look(): void {
    stream?.abort()
    stream = undefined
    if (document.visibilityState !== 'visible') return
    stream = new AbortController()
    // A ledger that refuses has been asked for the balance, too, and that says why.
    listen(stream.signal).catch(() => {})
    onChange()
  }

  const timer = setInterval(() => {
    if (document.visibilityState === 'visible') onChange()
  }, POLL_MS)
  document.addEventListener('visibilitychange', look)
  look()
  return () => {
    clearInterval(timer)
    document.removeEventListener('visibilitychange', look)
    stream?.abort()
  }
}
