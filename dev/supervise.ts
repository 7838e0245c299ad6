/** A server that goes on: what ends by itself is started again. */
import type { Server } from './postgres_server.ts'

/** With more restarts than these in so long a time it gives up. */
const MAX_RESTARTS = 5
const RESTARTS_MS = 60_000

export interface SuperviseOptions {
  /** Told when it can't go on; left out, nothing is started again. */
  onLost?: (error: Error) => void
  log?: (line: string) => void
}

/**
 * Starts a server again that has ended by itself, if `onLost` is given and as long as it doesn't
 * keep ending.
 */
export function supervise(
  first: Server,
  restart: () => Promise<Server>,
  { onLost, log = () => {} }: SuperviseOptions,
) {
  let server = first
  let isLeft = false
  let starts: number[] = []

  async function watch(): Promise<void> {
    for (;;) {
      await server.ended
      if (isLeft) return
      starts = [...starts.filter((at) => performance.now() - at < RESTARTS_MS), performance.now()]
      if (starts.length > MAX_RESTARTS) throw new Error('PostgreSQL ends again and again')
      log('PostgreSQL has ended, which nobody asked it to: it is started again')
      server = await restart()
    }
  }

  const watching = onLost && watch().catch((error: Error) => {
    if (!isLeft) onLost(error)
  })
  return {
    /** @returns the server that is left alone from now on */
    async leave(): Promise<Server> {
      isLeft = true
      // A restart ends first; a server that runs ends only when it is told to.
      if (server.hasEnded()) await watching
      return server
    },
  }
}
