/** Counts answers and how long they took, at the price of a few stores each. */
import type { Measured } from './load.ts'

/** An array of numbers that grows without being boxed. */
function createNumbers<T extends Float64Array | Uint32Array>(make: (length: number) => T) {
  let numbers = make(1 << 14)
  let length = 0
  return {
    push(number: number) {
      if (length === numbers.length) {
        const larger = make(2 * length)
        larger.set(numbers)
        numbers = larger
      }
      numbers[length++] = number
    },
    all: () => numbers.slice(0, length) as T,
  }
}

export interface Tally {
  /** An answer with the right status, `took_ms` after it should have been sent. */
  good(took_ms: number, counts: boolean): void
  acked(user: number, seq: number): void
  status(status: string): void
  result(seconds: number): Measured
}

/** @param action of the entries that are acknowledged */
export function createTally(action: 'CREDIT' | 'DEBIT' = 'DEBIT'): Tally {
  const took = createNumbers((length) => new Float64Array(length))
  const users = createNumbers((length) => new Uint32Array(length))
  const seqs = createNumbers((length) => new Uint32Array(length))
  const statuses: Record<string, number> = {}
  let good = 0

  return {
    good(took_ms, counts) {
      good++
      if (counts) took.push(took_ms)
    },
    acked(user, seq) {
      users.push(user)
      seqs.push(seq)
    },
    status(status) {
      statuses[status] = (statuses[status] ?? 0) + 1
    },
    result(seconds) {
      const sorted = took.all().sort()
      const at = (share: number) => sorted[Math.min(sorted.length - 1, sorted.length * share | 0)]
      return {
        perSecond: sorted.length / seconds,
        p50_ms: at(0.5) ?? NaN,
        p99_ms: at(0.99) ?? NaN,
        max_ms: at(1) ?? NaN,
        good,
        statuses,
        acks: { action, users: users.all(), seqs: seqs.all() },
      }
    },
  }
}
