/** What `npm run seed` fills a ledger with. It follows from the seed alone. */
import type { Posted, Posting } from '../post_operations.ts'
import { randomOf } from './random.ts'

export interface SeedUser {
  reference: string
  /** JSON. */
  metadata: string
}

/** A manual entry of the past. */
export interface PastEntry {
  /** By its place in the list of users. */
  user: number
  action: 'CREDIT' | 'DEBIT'
  amount: string
  secondsAgo: number
  /** JSON. */
  metadata: string
}

const DAY_SECONDS = 86_400
const MONTH_DAYS = 30
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

/**
 * Each month a user gets something, and then spends a part of it, never more: so no balance goes
 * below zero. In order of time.
 */
export function pastOf(seed: number, users: number, months: number): PastEntry[] {
  const dice = diceOf(seed + 1)
  const entries: PastEntry[] = []
  for (let user = 0; user < users; user++) {
    for (let month = months; month > 0; month--) {
      const payday = month * MONTH_DAYS - dice.from(0, 4)
      let cents = dice.from(120_000, 480_000)
      entries.push({
        user,
        action: 'CREDIT',
        amount: money(cents),
        secondsAgo: payday * DAY_SECONDS,
        metadata: JSON.stringify({ purpose: 'salary' }),
      })
      for (let debits = dice.from(4, 16); debits > 0; debits--) {
        const spent = dice.from(99, Math.floor(cents / 5))
        cents -= spent
        entries.push({
          user,
          action: 'DEBIT',
          amount: money(spent),
          // Later than that payday and earlier than the next one.
          secondsAgo: dice.from((payday - 25) * DAY_SECONDS + 1, payday * DAY_SECONDS - 1),
          metadata: purpose(dice),
        })
      }
    }
  }
  return entries.sort((a, b) => b.secondsAgo - a.secondsAgo)
}

/** What users do today: debits, transfers and holds, each with a key. */
export function todayOf(seed: number, ids: string[]): Posting[] {
  const dice = diceOf(seed + 2)
  const postings: Posting[] = []
  const add = (posting: Omit<Posting, 'key' | 'metadata'>) => {
    const key = `seed-${seed}-${postings.length + 1}`
    postings.push({ ...posting, key, metadata: purpose(dice) })
  }
  ids.forEach((userId, n) => {
    const amount = () => money(dice.from(100, 9_000))
    if (dice.next() < 0.7) add({ operation: 'DEBIT', userId, amount: amount() })
    if (dice.next() < 0.3) {
      const peerId = ids[(n + dice.from(1, ids.length - 1)) % ids.length]!
      add({ operation: 'TRANSFER', userId, peerId, amount: amount() })
    }
    if (dice.next() < 0.4) {
      const expires = dice.next() < 0.5 && { expiresInSeconds: dice.from(1, 14) * DAY_SECONDS }
      add({ operation: 'HOLD', userId, amount: amount(), ...expires })
    }
  })
  return postings
}

/** What becomes of some of that: holds are captured and released, debits and transfers reversed. */
export function followUpsOf(seed: number, postings: Posting[], posted: Posted[]): Posting[] {
  const dice = diceOf(seed + 3)
  return postings.flatMap((posting, n): Posting[] => {
    const { status, hold, seq } = posted[n]!
    const { userId, key } = posting
    const draw = dice.next()
    if (status !== 'ok') return []
    const next = { userId, key: `${key}-next`, metadata: purpose(dice) }
    if (posting.operation === 'HOLD') {
      if (draw < 0.4) return [{ ...next, operation: 'CAPTURE', ref: hold! }]
      return draw < 0.6 ? [{ ...next, operation: 'RELEASE', ref: hold! }] : []
    }
    return draw < 0.05 ? [{ ...next, operation: 'REVERSE', ref: seq! }] : []
  })
}
