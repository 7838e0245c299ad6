/** Creates user 1, whom every ledger has, once, whichever instance comes first. */

const SYSTEM_USER_ID = 1
const FIRST_RETRY_MS = 250
const MAX_RETRY_MS = 10_000

export interface SystemUserOptions {
  hasUser: (id: number) => Promise<boolean>
  createUser: (id: number) => Promise<unknown>
  /** Called with the first failure only. */
  onFailure: (error: unknown) => void
}

export interface SystemUser {
  /** Resolves after the first try, whether or not it succeeded. */
  tried: Promise<void>
  stop(): void
}

/**
 * Tries until the user exists: at the start PostgreSQL may be out of reach, without the schema, or
 * a standby. Readiness doesn't depend on it, because readiness only reads.
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
