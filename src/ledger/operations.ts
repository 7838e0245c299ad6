/** Operations of the ledger, and their outcomes. */
import type { SpanContext } from '@opentelemetry/api'
import type { Deadline } from '../core/deadlines.ts'
import type { Entry } from './rows.ts'
import type { Snapshot, Versioned } from '../cache/snapshots.ts'

export const OPERATIONS = [
  'debit',
  'credit',
  'transfer',
  'hold',
  'capture',
  'extend',
  'release',
  'reverse',
  'recalculate',
] as const

export type OperationKind = typeof OPERATIONS[number]

/** One item for ledger.post. */
export interface Operation {
  kind: OperationKind
  /** The user; of a transfer, the sender. */
  userId: number
  /** The receiver of a transfer. */
  peerId?: number
  /**
   * A decimal string with at most two places. A capture or a reversal without it takes all that is
   * left.
   */
  amount?: string | undefined
  /**
   * The number of the hold that is captured, extended or released, or the seq of the entry to
   * reverse.
   */
  ref?: number
  /** Of a hold or its extension. Default: it never expires. */
  expiresInSeconds?: number | undefined
  /** Of a capture: false lets what it doesn't take stay held. Default: true. */
  isFinal?: boolean | undefined
  key?: string | undefined
  /** The JSON text of an object. */
  metadata?: string | undefined
  /** The deadline of the request that waits for it. */
  deadline?: Deadline | undefined
  /** The span of that request, if there is one. */
  span?: SpanContext | undefined
}

export interface Hold {
  hold: number
  user_id: number
  amount: string
  status: 'active' | 'captured' | 'released' | 'expired'
  expires_at: string | null
  available: string
}

/** What is missing, as decimal strings: the details of insufficient_funds. */
export interface Shortfall {
  balance: string
  available: string
  required: string
  shortfall: string
}

/** What an operation did to one user. */
export interface UserOutcome {
  userId: number
  /** The user right after the entry or the release; for a recalculation, as it is now. */
  snapshot?: Snapshot
  entry?: Entry
  hold?: Hold
  shortfall?: Shortfall
  /** The user as it is now, for the cache. Undefined for an unknown user. */
  state?: Versioned
}

export interface Outcome {
  /** `ok` or a SQLSTATE. */
  status: string
  /**
   * Whether this repeats an earlier operation with this key: it is its outcome, and nothing was
   * written.
   */
  replayed: boolean
  /** First the operation's user, then the peer if there is one. */
  users: [UserOutcome, ...UserOutcome[]]
}

/** What a call does about users that are locked by somebody else. */
export interface PostOptions {
  /** Whether it waits for them. If not, their operations come back as 55P03. */
  wait: boolean
  /** How long it waits for each. Default: lock_timeout. */
  lockWaitMs?: number
}

/** The users that an operation is known to touch. Of a reversal, the other user isn't known yet. */
export const usersOf = ({ userId, peerId }: Operation): number[] =>
  peerId === undefined ? [userId] : [userId, peerId]

/** lock_not_available: a user is locked by somebody else, or pending entries are left to post. */
export const BUSY = '55P03'

/**
 * The locked user that an outcome names: the only one whose state ledger.post doesn't tell, since
 * it couldn't read it. Undefined if none was locked and only pending entries are left to post.
 */
export function lockedUserOf({ users }: Outcome): number | undefined {
  return users.find(({ state }) => !state)?.userId
}
