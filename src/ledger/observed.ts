/** The ledger, with a span for each call of a function of the database, and each timed. */
import { inDatabaseCall } from '../telemetry/spans.ts'

/** What isn't a call of the database. */
const NO_CALLS = ['connections', 'end']

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)

/**
 * @param onCall told the name of the function in the database, and how long the call took, in
 *   milliseconds, with the wait for a connection and what was tried again; of failed ones too
 */
export function observedLedger<L extends object>(
  ledger: L,
  onCall: (call: string, ms: number) => void,
  now = () => performance.now(),
): L {
  const observed = (call: string, method: (...args: never[]) => Promise<unknown>) => {
    return async (...args: never[]) => {
      const startedAt = now()
      try {
        return await inDatabaseCall(call, () => method(...args))
      } finally {
        onCall(call, now() - startedAt)
      }
    }
  }
  const methods = Object.entries(ledger as Record<string, () => Promise<unknown>>).map((
    [name, method],
  ) => [name, NO_CALLS.includes(name) ? method : observed(snakeCase(name), method)] as const)
  return Object.fromEntries(methods) as unknown as L
}
