/** What can be done to the ledger, and what becomes of it. */
import type { Deadline } from '../core/deadlines.ts'
import type { Entry } from './rows.ts'
import type { Snapshot, Versioned } from '../cache/snapshots.ts'

export const OPERATIONS = [
  'debit',
  'credit',
  'transfer',
  'hold',
  'capture',
  'release',
  'reverse',
  'recalculate',
] as const

export type OperationKind = typeof OPERATIONS[number]

/** One item for ledger.post. */
export interface Operation {
  kind: OperationKind
  /** Whom it is about; of a transfer, who gives. */
  userId: number
  /** Of a transfer: who gets. */
  peerId?: number
  /** Decimal string with at most two places. Of a capture, left out: all that is held. */
  amount?: string | undefined
  /** The number of the hold that is captured or released, or the seq of the entry to reverse. */
  ref?: number
  /** Of a hold. Left out: it never expires. */
  expiresInSeconds?: number | undefined
  key?: string | undefined
  /** JSON of an object. */
  metadata?: string | undefined
  /** Of who waits for it. */
  deadline?: Deadline | undefined
}

export interface Hold {
  hold: number
  user_id: number
  amount: string
  status: 'active' | 'captured' | 'released' | 'expired'
  expires_at: string | null
  available: string
}

/** What is missing, as decimal strings, in the words of the problem. */
export interface Shortfall {
  balance: string
  available: string
  required: string
  shortfall: string
}

/** What an operation did to one user. */
export interface UserOutcome {
  userId: number
  /** The user right after the entry, or the release; of a recalculation as it is now. */
  snapshot?: Snapshot
  entry?: Entry
  hold?: Hold
  shortfall?: Shortfall
  /** The user as it is now, for the cache; none of an unknown user. */
  state?: Versioned
}

export interface Outcome {
  /** `ok` or a SQLSTATE. */
  status: string
  /** The key was known: this is the first answer again, and nothing was written. */
  replayed: boolean
  /** First the operation's user, then the peer if there is one. */
  users: [UserOutcome, ...UserOutcome[]]
}

/** For users whom somebody else holds. */
export interface PostOptions {
  /** False: their operations come back as 55P03. */
  wait: boolean
  /** How long it waits for each of them, if not for lock_timeout. */
  lockWaitMs?: number
}

/** Everybody whom an operation is known to touch. */
export const usersOf = ({ userId, peerId }: Operation): number[] =>
  peerId === undefined ? [userId] : [userId, peerId]
