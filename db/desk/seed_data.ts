/** What `npm run seed` fills a ledger with. It follows from the seed alone. */
import type { Operation, Outcome } from '../post_operations.ts'
import { randomOf } from './random.ts'

export interface SeedUser {
  reference: string
  /** JSON. */
  metadata: string
}

/** What is posted, and at which moments, in milliseconds after the round begins. */
export interface Round {
  operations: Operation[]
  afterMs: number[]
}

const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS
const DAY_SECONDS = 86_400
/** On the last day of a round holds end, and entries are reversed. */
export const ROUND_DAYS = 5
export const ROUNDS_A_MONTH = 6
const FIRST = ['Ada', 'Ben', 'Chloé', 'Dmitri', 'Elif', 'Farid', 'Grace', 'Hana', 'Ivo', 'June']
const LAST = [
  'Abel',
  'Brandt',
  'Costa',
  'Dale',
  'Ek',
  'Fischer',
  'Garcia',
  'Haddad',
  'Ito',
  'Jensen',
]
const REASONS = ['Booked twice', 'The wrong account', 'Cancelled by the customer']
const PURPOSES = ['groceries', 'rent', 'tickets', 'books', 'coffee', 'repairs', 'subscription']

interface Dice {
  /** From 0 to 1. */
  next(): number
  /** From min to max, both included. */
  from(min: number, max: number): number
  of<T>(list: readonly T[]): T
}

function diceOf(seed: number): Dice {
  const next = randomOf(seed)
  const from = (min: number, max: number) => min + Math.floor(next() * (max - min + 1))
  return { next, from, of: (list) => list[from(0, list.length - 1)]! }
}

const money = (cents: number) => `${Math.floor(cents / 100)}.${`${cents % 100}`.padStart(2, '0')}`
const purpose = (dice: Dice) => JSON.stringify({ purpose: dice.of(PURPOSES) })

/** Users with a reference, a name and an address that leads nowhere. */
export function usersOf(seed: number, count: number): SeedUser[] {
  const dice = diceOf(seed)
  return Array.from({ length: count }, (_, n) => {
    const reference = `seed-${seed}-${`${n + 1}`.padStart(4, '0')}`
    const name = `${dice.of(FIRST)} ${dice.of(LAST)}`
    return { reference, metadata: JSON.stringify({ name, email: `${reference}@example.com` }) }
  })
}

/** In order of time, no two at the same moment. */
function inOrder(all: (readonly [afterMs: number, operation: Operation])[]): Round {
  let last = -1
  const sorted = all.toSorted(([a], [b]) => a - b)
  return {
    operations: sorted.map(([, operation]) => operation),
    afterMs: sorted.map(([afterMs]) => last = Math.max(last + 1, afterMs)),
  }
}

/**
 * Some days of the past: in the first round of a month everybody gets something, and in each some
 * is spent, transferred and held. What nobody can pay the ledger refuses.
 */
export function roundOf(seed: number, round: number, ids: string[]): Round {
  const dice = diceOf(seed * 1_000_003 + round)
  const all: (readonly [number, Operation])[] = []
  const add = (afterMs: number, operation: Operation) =>
    all.push([afterMs, { ...operation, key: `seed-${seed}-${round}-${all.length + 1}` }])
  ids.forEach((userId, n) => {
    const spend = (operation: Omit<Operation, 'userId'>, max: number) =>
      add(dice.from(8 * HOUR_MS, (ROUND_DAYS - 1) * DAY_MS - 1), {
        ...operation,
        userId,
        amount: money(dice.from(99, max)),
        metadata: purpose(dice),
      })
    if (round % ROUNDS_A_MONTH === 0) {
      const amount = money(dice.from(120_000, 480_000))
      const metadata = JSON.stringify({ purpose: 'salary' })
      add(dice.from(0, 8 * HOUR_MS - 1), { kind: 'CREDIT', userId, amount, metadata })
    }
    for (let debits = dice.from(0, 3); debits > 0; debits--) spend({ kind: 'DEBIT' }, 30_000)
    if (dice.next() < 0.2) spend({ kind: 'TRANSFER', peerId: peerOf(dice, ids, n) }, 20_000)
    if (dice.next() < 0.15) spend({ kind: 'HOLD' }, 20_000)
  })
  return inOrder(all)
}

/** What becomes of the operations of a round on its last day. */
export function endOfRound(
  seed: number,
  round: number,
  operations: Operation[],
  outcomes: Outcome[],
) {
  const dice = diceOf(seed * 1_000_033 + round)
  const afterMs = () => dice.from((ROUND_DAYS - 1) * DAY_MS, ROUND_DAYS * DAY_MS - 1)
  return inOrder(followUpsOf(dice, operations, outcomes).map((operation) => [afterMs(), operation]))
}

/** Holds of an hour that is over, of some users. */
export function expiredHoldsOf(seed: number, ids: string[]): Round {
  const dice = diceOf(seed + 4)
  const holders = ids.filter((_, n) => n % 25 === 7)
  return inOrder(holders.map((userId, n) => [n, {
    kind: 'HOLD',
    userId,
    amount: money(dice.from(100, 9_000)),
    expiresInSeconds: 3600,
    key: `seed-${seed}-expired-${n + 1}`,
    metadata: purpose(dice),
  }]))
}

/** Another user than the nth. */
const peerOf = (dice: Dice, ids: string[], n: number) =>
  ids[(n + dice.from(1, ids.length - 1)) % ids.length]!

/** What users do today: debits, transfers and holds, each with a key. */
export function todayOf(seed: number, ids: string[]): Operation[] {
  const dice = diceOf(seed + 2)
  const operations: Operation[] = []
  const add = (operation: Omit<Operation, 'key' | 'metadata'>) => {
    const key = `seed-${seed}-today-${operations.length + 1}`
    operations.push({ ...operation, key, metadata: purpose(dice) })
  }
  ids.forEach((userId, n) => {
    const amount = () => money(dice.from(100, 9_000))
    if (dice.next() < 0.7) add({ kind: 'DEBIT', userId, amount: amount() })
    if (dice.next() < 0.3) {
      add({ kind: 'TRANSFER', userId, peerId: peerOf(dice, ids, n), amount: amount() })
    }
    if (dice.next() < 0.4) {
      const expires = dice.next() < 0.5 && { expiresInSeconds: dice.from(1, 14) * DAY_SECONDS }
      add({ kind: 'HOLD', userId, amount: amount(), ...expires })
    }
  })
  return operations
}

/** What becomes of the operations of today. */
export const endOfToday = (
  seed: number,
  operations: Operation[],
  outcomes: Outcome[],
): Operation[] => followUpsOf(diceOf(seed + 3), operations, outcomes)

/** Holds are captured and released, debits and transfers reversed, but not all of them. */
function followUpsOf(dice: Dice, operations: Operation[], outcomes: Outcome[]): Operation[] {
  return operations.flatMap((operation, n): Operation[] => {
    const { status, hold, seq } = outcomes[n]!
    const { kind, userId, key, metadata } = operation
    const draw = dice.next()
    if (status !== 'ok' || kind === 'CREDIT') return []
    const next = { userId, key: `${key}-next`, ...(metadata !== undefined && { metadata }) }
    if (kind === 'HOLD') {
      if (draw < 0.5) return [{ ...next, kind: 'CAPTURE', ref: hold! }]
      return draw < 0.9 ? [{ ...next, kind: 'RELEASE', ref: hold! }] : []
    }
    const because = JSON.stringify({ reason: dice.of(REASONS) })
    return draw < 0.05 ? [{ ...next, kind: 'REVERSE', ref: seq!, metadata: because }] : []
  })
}
