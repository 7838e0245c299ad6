/** What `npm run seed` fills a ledger with. It follows from the seed alone. */
import type { Posted, Posting } from '../post_operations.ts'
import { randomOf } from './random.ts'

export interface SeedUser {
  reference: string
  /** JSON. */
  metadata: string
}

/** What is posted, and at which moments, in milliseconds after the round begins. */
export interface Round {
  postings: Posting[]
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
function inOrder(all: (readonly [afterMs: number, posting: Posting])[]): Round {
  let last = -1
  const sorted = all.toSorted(([a], [b]) => a - b)
  return {
    postings: sorted.map(([, posting]) => posting),
    afterMs: sorted.map(([afterMs]) => last = Math.max(last + 1, afterMs)),
  }
}

/**
 * Some days of the past: in the first round of a month everybody gets something, and in each some
 * is spent, transferred and held. What nobody can pay the ledger refuses.
 */
export function roundOf(seed: number, round: number, ids: string[]): Round {
  const dice = diceOf(seed * 1_000_003 + round)
  const all: (readonly [number, Posting])[] = []
  const add = (afterMs: number, posting: Posting) =>
    all.push([afterMs, { ...posting, key: `seed-${seed}-${round}-${all.length + 1}` }])
  ids.forEach((userId, n) => {
    const spend = (posting: Omit<Posting, 'userId'>, max: number) =>
      add(dice.from(8 * HOUR_MS, (ROUND_DAYS - 1) * DAY_MS - 1), {
        ...posting,
        userId,
        amount: money(dice.from(99, max)),
        metadata: purpose(dice),
      })
    if (round % ROUNDS_A_MONTH === 0) {
      const amount = money(dice.from(120_000, 480_000))
      const metadata = JSON.stringify({ purpose: 'salary' })
      add(dice.from(0, 8 * HOUR_MS - 1), { operation: 'CREDIT', userId, amount, metadata })
    }
    for (let debits = dice.from(0, 3); debits > 0; debits--) spend({ operation: 'DEBIT' }, 30_000)
    if (dice.next() < 0.2) spend({ operation: 'TRANSFER', peerId: peerOf(dice, ids, n) }, 20_000)
    if (dice.next() < 0.15) spend({ operation: 'HOLD' }, 20_000)
  })
  return inOrder(all)
}

/** What becomes of a round of that on its last day. */
export function endOfRound(seed: number, round: number, postings: Posting[], posted: Posted[]) {
  const dice = diceOf(seed * 1_000_033 + round)
  const afterMs = () => dice.from((ROUND_DAYS - 1) * DAY_MS, ROUND_DAYS * DAY_MS - 1)
  return inOrder(followUpsOf(dice, postings, posted).map((posting) => [afterMs(), posting]))
}

/** Holds of an hour that is over, of some users. */
export function expiredHoldsOf(seed: number, ids: string[]): Round {
  const dice = diceOf(seed + 4)
  const holders = ids.filter((_, n) => n % 25 === 7)
  return inOrder(holders.map((userId, n) => [n, {
    operation: 'HOLD',
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
export function todayOf(seed: number, ids: string[]): Posting[] {
  const dice = diceOf(seed + 2)
  const postings: Posting[] = []
  const add = (posting: Omit<Posting, 'key' | 'metadata'>) => {
    const key = `seed-${seed}-today-${postings.length + 1}`
    postings.push({ ...posting, key, metadata: purpose(dice) })
  }
  ids.forEach((userId, n) => {
    const amount = () => money(dice.from(100, 9_000))
    if (dice.next() < 0.7) add({ operation: 'DEBIT', userId, amount: amount() })
    if (dice.next() < 0.3) {
      add({ operation: 'TRANSFER', userId, peerId: peerOf(dice, ids, n), amount: amount() })
    }
    if (dice.next() < 0.4) {
      const expires = dice.next() < 0.5 && { expiresInSeconds: dice.from(1, 14) * DAY_SECONDS }
      add({ operation: 'HOLD', userId, amount: amount(), ...expires })
    }
  })
  return postings
}

/** What becomes of that. */
export const endOfToday = (seed: number, postings: Posting[], posted: Posted[]): Posting[] =>
  followUpsOf(diceOf(seed + 3), postings, posted)

/** Holds are captured and released, debits and transfers reversed, but not all of them. */
function followUpsOf(dice: Dice, postings: Posting[], posted: Posted[]): Posting[] {
  return postings.flatMap((posting, n): Posting[] => {
    const { status, hold, seq } = posted[n]!
    const { operation, userId, key, metadata } = posting
    const draw = dice.next()
    if (status !== 'ok' || operation === 'CREDIT') return []
    const next = { userId, key: `${key}-next`, ...(metadata !== undefined && { metadata }) }
    if (operation === 'HOLD') {
      if (draw < 0.5) return [{ ...next, operation: 'CAPTURE', ref: hold! }]
      return draw < 0.9 ? [{ ...next, operation: 'RELEASE', ref: hold! }] : []
    }
    const because = JSON.stringify({ reason: dice.of(REASONS) })
    return draw < 0.05 ? [{ ...next, operation: 'REVERSE', ref: seq!, metadata: because }] : []
  })
}
