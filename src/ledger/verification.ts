/** Verifies the history of one user within the time of a request. */
import { codeOf, Problem } from '../core/errors.ts'
import type { Ledger } from './functions.ts'
import type { Finding, VerifiedPage } from './read_functions.ts'
import { createFairSemaphore, type FairSemaphore } from '../core/semaphore.ts'

/** Entries of one statement, which takes far less than its time limit. */
const PAGE_ROWS = 20_000
/** Entries of one statement where most are bad: each bad entry takes much longer. */
const SMALL_PAGE_ROWS = 100
/** Findings after which a verification ends. */
export const MAX_FINDINGS = 1000
/** The time of a verification in milliseconds; less than a request may take. */
const BUDGET_MS = 4000
/** Pages that one verification reads at once. */
const READERS = 2

export interface Verification {
  /** How many entries were read. */
  entries: number
  findings: Finding[]
  /** Whether it ended before it had read everything. That happens only with findings. */
  isPartial: boolean
}

export interface VerificationOptions {
  ledger: Pick<Ledger, 'verifyUserPage'>
  /** Each page waits for a turn of its caller. Default: all share one. */
  turns?: FairSemaphore
  /** A clock in milliseconds; only differences matter. */
  now?: () => number
  /** Entries of one statement. */
  pageRows?: number
}

/**
 * Verifies the entries of a user.
 * @param seq of the last entry
 * @param caller whose turn it is
 * @throws Problem busy, with a detail if there is more to read than time
 */
export type Verify = (userId: number, seq: number, caller?: string) => Promise<Verification>

/**
 * Creates the verification. It reads pages, each as of its own moment; posted entries never change,
 * so the pages fit together. Pages of several verifications take turns by caller.
 */
export function createVerify(
  {
    ledger,
    turns = createFairSemaphore({ perKey: READERS }),
    now = () => performance.now(),
    pageRows = PAGE_ROWS,
  }: VerificationOptions,
): Verify {
  return async function verify(userId, seq, caller = ''): Promise<Verification> {
    const end = now() + BUDGET_MS
    // By their text, because the ranges overlap where entries are missing.
    const findings = new Map<string, Finding>()
    let entries = 0
    let slowestMs = 0
    let isPartial = false

    /** Verifies entries after one seq up to another, or to the last. */
    async function read(after: number, upto: number): Promise<void> {
      let rows = pageRows
      for (let next: number | null = after; next !== null && next < upto;) {
        let start = 0
        try {
          const maxRows = Math.min(rows, upto - next)
          const page: VerifiedPage | undefined = await turns.take(caller, async () => {
            start = now()
            if (start + slowestMs > end || findings.size >= MAX_FINDINGS) isPartial = true
            return isPartial ? undefined : await ledger.verifyUserPage(userId, next!, maxRows, seq)
          })
          if (!page) return
          for (const finding of page.findings) findings.set(JSON.stringify(finding), finding)
          entries += page.rowsRead
          next = page.next
          slowestMs = Math.max(slowestMs, now() - start)
        } catch (error) {
          // 57014: statement_timeout
          if (codeOf(error) !== '57014' || rows === SMALL_PAGE_ROWS) {
            isPartial = true
            throw error
          }
          rows = SMALL_PAGE_ROWS
        }
      }
    }

    const parts = seq > READERS * pageRows ? READERS : 1
    const bounds = Array.from({ length: parts }, (_, n) => Math.floor(seq * n / parts))
    await Promise.all(bounds.map((after, n) => read(after, bounds[n + 1] ?? Infinity)))
    if (isPartial && findings.size === 0) {
      throw new Problem('busy', {
        detail: `This history is too long for one request: of ${seq} entries ${entries} were ` +
          `read, without findings. npm run verify -- --user ${userId} reads them all.`,
      })
    }
    isPartial ||= findings.size > MAX_FINDINGS
    return { entries, findings: [...findings.values()].slice(0, MAX_FINDINGS), isPartial }
  }
}
