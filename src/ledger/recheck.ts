/** Users with findings are verified again by itself, until a repair has taken the last one away. */
import type { Ledger } from './functions.ts'
import { MAX_USERS_WITH_FINDINGS, type Metrics } from '../telemetry/metrics.ts'
import { MAX_FINDINGS } from './verification.ts'

/** Entries of one statement: far less than one takes that a caller waits for. */
const PAGE_ROWS = 1000
/** Between two statements; and so many times as long as the last one took. */
const REST_MS = 1000
const REST_SHARE = 20

export interface RecheckOptions {
  ledger: Pick<Ledger, 'verifyUserPage'>
  metrics: Pick<Metrics, 'verified'>
  /** A clock in milliseconds; only differences matter. */
  now?: () => number
  /** Settles after so many milliseconds; the process may end before. */
  rest?: (ms: number) => Promise<void>
}

export interface Recheck {
  /** How many findings the verification of a user had. */
  verified: (id: number, findings: number) => void
  /** Settles once nothing is read any more. */
  stop(): Promise<void>
}

const restFor = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref())

/**
 * One user after the other, one small page at a time, with rests in between: however many have
 * findings and however long their histories are, no more than a twentieth of one connection. What
 * can't be read counts as it did before: an alert goes out when the ledger is right, not when nobody
 * can tell.
 */
export function createRecheck(options: RecheckOptions): Recheck {
  const { ledger, metrics, now = () => performance.now(), rest = restFor } = options
  /** Those with findings, the one that was verified the longest ago first. */
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

  /** How many findings there are now; undefined: nobody can tell. */
  async function count(id: number): Promise<number | undefined> {
    const found = new Set<string>()
    for (let after: number | null = 0; after !== null && found.size < MAX_FINDINGS;) {
      const start = now()
      const page = ledger.verifyUserPage(id, after, PAGE_ROWS)
      reading = page.catch(() => {})
      const { findings, next } = await page
      for (const finding of findings) found.add(JSON.stringify(finding))
      await rest(Math.max(REST_MS, REST_SHARE * (now() - start)))
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
      // Whoever was verified meanwhile is known better than by what was read before.
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
