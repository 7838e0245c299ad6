/** Verifies users with findings again until a repair has removed the last finding. */
import { unref } from '../core/unref.ts'
import type { Ledger } from './functions.ts'
import { MAX_USERS_WITH_FINDINGS, type Metrics } from '../telemetry/metrics.ts'
import { MAX_FINDINGS } from './verification.ts'

/** Entries of one statement: far fewer than in those that callers wait for. */
const PAGE_ROWS = 1000
/** A pause between two statements takes so many times as long as the last one, at least REST_MS. */
const REST_FACTOR = 20
const REST_MS = 1000

export interface RecheckOptions {
  ledger: Pick<Ledger, 'verifyUserPage'>
  metrics: Pick<Metrics, 'verified'>
  /** A clock in milliseconds; only differences matter. */
  now?: () => number
  /** Resolves after so many milliseconds, without keeping the process alive. */
  rest?: (ms: number) => Promise<void>
}

export interface Recheck {
  /** Reports how many findings the verification of a user had. */
  verified: (id: number, findings: number) => void
  /** Stops, and resolves once nothing is read any more. */
  stop(): Promise<void>
}

const restFor = (ms: number) => new Promise<void>((resolve) => unref(setTimeout(resolve, ms)))

/**
 * Creates the recheck. It reads one small page of one user at a time, with pauses: at most a
 * twentieth of one connection. A user that can't be read keeps the old number of findings: an alert
 * ends when the ledger is right, not when nobody can tell.
 */
export function createRecheck(options: RecheckOptions): Recheck {
  const { ledger, metrics, now = () => performance.now(), rest = restFor } = options
  /** Users with findings, the one verified the longest ago first. */
  const waiting = new Map<number, { findings: number }>()
  let working: Promise<void> | undefined
  let reading: Promise<unknown> = Promise.resolve()
  let isStopped = false

  function verified(id: number, findings: number): void {
    metrics.verified(id, findings)
    waiting.delete(id)
    if (findings === 0 || isStopped || waiting.size >= MAX_USERS_WITH_FINDINGS) return
    waiting.set(id, { findings })
    working ??= work()
  }

  /**
   * Verifies a user.
   * @returns the number of findings; undefined if it can't be read
   */
  async function count(id: number): Promise<number | undefined> {
    const found = new Set<string>()
    for (let after: number | null = 0; after !== null && found.size < MAX_FINDINGS;) {
      const start = now()
      const page = ledger.verifyUserPage(id, after, PAGE_ROWS)
      reading = page.catch(() => {})
      const { findings, next } = await page
      for (const finding of findings) found.add(JSON.stringify(finding))
      await rest(Math.max(REST_MS, REST_FACTOR * (now() - start)))
      if (isStopped) return undefined
      after = next
    }
    return Math.min(found.size, MAX_FINDINGS)
  }

  const next = () => isStopped ? undefined : waiting.entries().next().value

  async function work(): Promise<void> {
    await rest(REST_MS)
    for (let one = next(); one; one = next()) {
      const [id, before] = one
      const findings = await count(id).catch(async () => {
        await rest(REST_MS)
        return undefined
      })
      // A verification that somebody asked for meanwhile is newer than this one.
      if (waiting.get(id) === before && !isStopped) verified(id, findings ?? before.findings)
    }
    working = undefined
  }

  return {
    verified,
    async stop() {
      isStopped = true
      await reading
    },
  }
}
