/** Converts rows of ledger.post to outcomes. */
import { RawJson } from '../core/raw_json.ts'
import { isoTimestamp } from '../database/database.ts'
import type { Entry } from './rows.ts'
import type { Snapshot, Versioned } from '../cache/snapshots.ts'
import type { Operation, Outcome, UserOutcome } from './operations.ts'

/** A row of ledger.post: one user of one operation. See the type ledger.outcome. */
export interface OutcomeRow {
  n: number
  status: string
  replayed: boolean
  user_id: string
  seq: string | null
  action: 'CREDIT' | 'DEBIT' | null
  amount: string | null
  balance: string | null
  available: string | null
  ts: string | null
  posted_at: string | null
  metadata: string | null
  hold: string | null
  reverses: string | null
  peer_user_id: string | null
  peer_seq: string | null
  hash: string | null
  hold_status: 'active' | 'released' | null
  expires_at: string | null
  required: string | null
  shortfall: string | null
  user_seq: string | null
  user_balance: string | null
  user_available: string | null
  updated_at: string | null
  version: string | null
  read_at: string | null
  expires_in_ms: string | null
}

/**
 * Converts the rows of a call to outcomes, in the order of the operations.
 * @throws Error if there isn't at least one row for each
 */
export function outcomesOf(rows: OutcomeRow[], operations: Operation[]): Outcome[] {
  const outcomes: (Outcome | undefined)[] = operations.map(() => undefined)
  for (const row of rows) {
    const at = row.n - 1
    const user = userOutcomeOf(row, operations[at]!)
    const outcome = outcomes[at]
    if (outcome) outcome.users.push(user)
    else outcomes[at] = { status: row.status, replayed: row.replayed, users: [user] }
  }
  if (outcomes.includes(undefined)) throw new Error('ledger.post: rows are missing')
  return outcomes as Outcome[]
}

function userOutcomeOf(row: OutcomeRow, operation: Operation): UserOutcome {
  const userId = Number(row.user_id)
  const state = stateOf(row, userId)
  const outcome: UserOutcome = { userId, ...(state && { state }) }
  if (row.shortfall !== null) {
    outcome.shortfall = {
      balance: row.balance!,
      available: row.available!,
      required: row.required!,
      shortfall: row.shortfall,
    }
  }
  if (row.status !== 'ok') return outcome
  if (row.posted_at !== null) outcome.snapshot = snapshotOf(row, userId)
  else if (operation.kind === 'recalculate' && state) outcome.snapshot = state.snapshot
  if (row.ts !== null) {
    // Only the sender's half of a transfer has the key.
    const key = userId === operation.userId ? operation.key : undefined
    outcome.entry = entryOf(row, key)
  }
  if (row.hold_status !== null) {
    outcome.hold = {
      hold: Number(row.hold),
      user_id: userId,
      amount: row.amount!,
      status: row.hold_status,
      expires_at: row.expires_at === null ? null : isoTimestamp(row.expires_at),
      available: row.available!,
    }
  }
  return outcome
}

const snapshotOf = (row: OutcomeRow, id: number): Snapshot => ({
  id,
  balance: row.balance!,
  available: row.available!,
  seq: Number(row.seq),
  updated_at: isoTimestamp(row.posted_at!),
})

const entryOf = (row: OutcomeRow, key: string | undefined): Entry => ({
  seq: Number(row.seq),
  action: row.action!,
  amount: row.amount!,
  balance: row.balance!,
  ts: isoTimestamp(row.ts!),
  ...(key !== undefined && { idempotency_key: key }),
  ...(row.metadata !== null && { metadata: new RawJson(row.metadata) }),
  ...(row.peer_seq !== null && {
    transfer: { user_id: Number(row.peer_user_id), seq: Number(row.peer_seq) },
  }),
  ...(row.reverses !== null && { reverses: Number(row.reverses) }),
  ...(row.hold !== null && { hold: Number(row.hold) }),
  hash: row.hash!,
})

function stateOf(row: OutcomeRow, id: number): Versioned | undefined {
  if (row.version === null) return undefined
  return {
    snapshot: {
      id,
      balance: row.user_balance!,
      available: row.user_available!,
      seq: Number(row.user_seq),
      updated_at: isoTimestamp(row.updated_at!),
    },
    version: Number(row.version),
    read_at: isoTimestamp(row.read_at!),
    ...(row.expires_in_ms !== null && { expires_in_ms: Number(row.expires_in_ms) }),
  }
}
