/** Tells other instances, in as few calls as can be, what Redis could not be told. */
import { EVERYBODY } from './listener.ts'

const MAX_VERSIONS = 10_000
const MAX_BATCH = 500
const RETRY_MS = 500
const MAX_RETRIES = 20

/**
 * Gathers versions while a call is under way, the highest of each user, and hands them on
 * together. With too many to remember, or after `notify` failed for long, it says "everybody".
 */
export function createAnnouncer(notify: (versions: Map<number, number>) => Promise<void>) {
  let waiting = new Map<number, number>()
  let busy = false

  async function work() {
    for (let failures = 0; waiting.size > 0;) {
      const batch = new Map([...waiting].slice(0, MAX_BATCH))
      for (const id of batch.keys()) waiting.delete(id)
      try {
        await notify(batch)
        failures = 0
      } catch {
        // Whoever can't be reached for so long has lost its LISTEN, too, and trusts nothing.
        if (++failures > MAX_RETRIES) break
        waiting.set(EVERYBODY, 0)
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      }
    }
    busy = false
  }

  return (id: number, version: number): void => {
    if (waiting.size >= MAX_VERSIONS) waiting = new Map([[EVERYBODY, 0]])
    waiting.set(id, Math.max(version, waiting.get(id) ?? 0))
    if (busy) return
    busy = true
    void work()
  }
}
