/** User 1 is there from the start: made once, by whichever instance comes first. */

const SYSTEM_USER_ID = 1
const FIRST_RETRY_MS = 250
const MAX_RETRY_MS = 10_000

export interface SystemUserOptions {
  hasUser: (id: number) => Promise<boolean>
  createUser: (id: number) => Promise<unknown>
  /** Told of the first failure; those after it are the same again. */
  onFailure: (error: unknown) => void
}

export interface SystemUser {
  /** Settles after the first try, whatever came of it. */
  tried: Promise<void>
  stop(): void
}

/**
 * Tries until it is there: PostgreSQL may be out of reach, without the schema or a standby when the
 * service starts. Readiness has no part in it: that only reads.
 */
export function makeSystemUser(
  { hasUser, createUser, onFailure }: SystemUserOptions,
): SystemUser {
  let timer: ReturnType<typeof setTimeout> | undefined
  let isStopped = false

  async function attempt(retryMs: number): Promise<void> {
    try {
      if (!await hasUser(SYSTEM_USER_ID)) await createUser(SYSTEM_USER_ID)
    } catch (error) {
      if (retryMs === FIRST_RETRY_MS) onFailure(error)
      const nextMs = Math.min(2 * retryMs, MAX_RETRY_MS)
      if (!isStopped) timer = setTimeout(() => void attempt(nextMs), retryMs)
    }
  }

  return {
    tried: attempt(FIRST_RETRY_MS),
    stop() {
      isStopped = true
      clearTimeout(timer)
    },
  }
}
