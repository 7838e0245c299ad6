/** Keeps what is shown as it is in the ledger. */
import { ForbiddenError, UnauthorizedError } from '../client/ledger.ts'
import { reaches, type Session } from './session.ts'

/** While there is no stream of events. */
const POLL_MS = 5_000

/** How long a stream may take to be opened, before it is done without. */
const DEADLINE_MS = 5_000

/** Between two looks at a user of whom much is written. */
const PAUSE_MS = 500

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

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
      await pause(PAUSE_MS)
    }
    isRunning = false
  }
  return () => void run()
}

export interface Follower {
  /** Something has happened to the user, or may have happened. */
  onChange: () => void
  /** Whether changes are told by events; otherwise the ledger is asked every few seconds. */
  onLive: (isLive: boolean) => void
}

export interface Following {
  /** Begins anew, as with another token. */
  restart(): void
  stop(): void
}

/** Tells of each change of a user until `signal` is aborted. */
async function tell(
  { client }: Session,
  user: number,
  { onChange, onLive }: Follower,
  signal: AbortSignal,
): Promise<void> {
  const options = { signal, deadlineMs: DEADLINE_MS }
  for (;;) {
    try {
      // What is shown is read behind the place where the events begin, so that none is missed.
      const { next } = await client.listEvents({ user, after: 'now' }, options)
      onChange()
      onLive(true)
      for await (const _ of client.events({ user, after: next }, options)) onChange()
    } catch (error) {
      if (signal.aborted) return
      onLive(false)
      onChange()
      // Not in five seconds either: only with another token, which begins anew.
      if (error instanceof ForbiddenError || error instanceof UnauthorizedError) return
    }
    await pause(POLL_MS)
    if (signal.aborted) return
  }
}

/**
 * Follows a user by events while somebody may look at the page: a hidden one would keep one of the
 * few connections that a browser opens. Where the stream has ended and can't be opened again, it
 * asks every few seconds until it can.
 */
export function follow(session: Session, user: number, follower: Follower): Following {
  let stream: AbortController | undefined

  function look(): void {
    stream?.abort()
    stream = undefined
    if (document.visibilityState !== 'visible') return
    if (!reaches(session, user)) return follower.onChange()
    stream = new AbortController()
    void tell(session, user, follower, stream.signal)
  }

  document.addEventListener('visibilitychange', look)
  look()
  return {
    restart: look,
    stop() {
      document.removeEventListener('visibilitychange', look)
      stream?.abort()
    },
  }
}
