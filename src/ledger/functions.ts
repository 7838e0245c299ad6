/** The functions of the database, each called by name from one function of the same name. */
import type postgres from 'postgres'
import { createDatabase, retried } from '../database/database.ts'
import type { Ssl } from '../config/database_tls.ts'
import { createLedgerReads, type LedgerReads } from './read_functions.ts'
import { createLedgerControls, type LedgerControls } from './control_functions.ts'
import { type LockHolder, readLockHolders } from './lock_holders.ts'
import { readServiceRole, type ServiceRole } from './service_role.ts'
import { createLedgerSearch, type LedgerSearch } from './search_functions.ts'
import { createLedgerUsers, type LedgerUsers } from './user_functions.ts'
import { arrayLiteral, type UserRow, versioned } from './rows.ts'
import type { Operation, OperationKind, Outcome, PostOptions } from './operations.ts'
import { type OutcomeRow, outcomesOf } from './outcome_rows.ts'
import type { Versioned } from '../cache/snapshots.ts'

export type { Entry } from './rows.ts'

/**
 * Pending entries of each user that one call posts; the next calls post the rest. In a batch, where
 * others wait, 128 users with so many pending entries take some tenths of a second.
 */
const MAX_PENDING = 1000
const MAX_PENDING_IN_BATCHES = 100

export interface Ledger extends LedgerReads, LedgerUsers, LedgerControls, LedgerSearch {
  /** One outcome for each operation, in order. */
  post(operations: Operation[], options: PostOptions): Promise<Outcome[]>
  getUsers(ids: number[]): Promise<Map<number, Versioned>>
  hasMigration(version: string): Promise<boolean>
  readServiceRole(): Promise<ServiceRole>
  readLockHolders: () => Promise<LockHolder[]>
  /** Manual entries that are pending, counted up to 10000, and the age of the oldest by its ts. */
  countPending: () => Promise<{ entries: number; oldestSeconds: number }>
  /** Connections with a call in flight, by pool. */
  connections: () => Record<'post' | 'wait' | 'read' | 'read_long', { used: number; max: number }>
  end(): Promise<void>
}

export interface LedgerOptions {
  url: string
  ssl?: Ssl | undefined
  /** Connections that post batches, and so the number of batches in flight. */
  batches: number
  /** Connections for calls that wait for locked users. */
  waiting: number
  /** Connections for short reads. */
  reading: number
  /** Connections for long reads. Default: they use those for short reads. */
  readingLong?: number | undefined
  queryDeadlineMs?: number | undefined
}

/** Creates the ledger on connections of its own for each kind of work. */
export function createLedger(options: LedgerOptions): Ledger {
  const { url, ssl, queryDeadlineMs } = options
  const posting = createDatabase({ url, ssl, queryDeadlineMs, max: options.batches })
  const waiting = createDatabase({ url, ssl, queryDeadlineMs, max: options.waiting })
  const reads = createDatabase({ url, ssl, queryDeadlineMs, max: options.reading })
  const longReads = options.readingLong === undefined
    ? reads
    : createDatabase({ url, ssl, queryDeadlineMs, max: options.readingLong })

  return {
    ...createLedgerReads(reads, longReads),
    ...createLedgerUsers(reads),
    ...createLedgerControls(reads, waiting),
    ...createLedgerSearch(longReads),

    async post(operations, { wait, lockWaitMs }) {
      const column = (value: (operation: Operation) => string | number | null | undefined) =>
        columnOf(operations, value)
      const call = (sql: postgres.Sql) =>
        sql<OutcomeRow[]>`select * from ledger.post(
          operations => ${column(({ kind }) => SQL_NAMES[kind])}::text[],
          user_ids => ${column(({ userId }) => userId)}::bigint[],
          amounts => ${arrayLiteral(operations.map(({ amount }) => amount))}::numeric[],
          peer_user_ids => ${column(({ peerId }) => peerId)}::bigint[],
          refs => ${column(({ ref }) => ref)}::bigint[],
          expires_ins => ${column(({ expiresInSeconds }) => expiresInSeconds)}::numeric[],
          idempotency_keys => ${column(({ key }) => key)}::text[],
          metadatas => ${column(({ metadata }) => metadata)}::jsonb[],
          wait => ${
          lockWaitMs === undefined
            ? sql`${wait}`
            : sql`set_config('lock_timeout', ${String(lockWaitMs)}, true) is not null`
        }, max_pending => ${wait ? MAX_PENDING : MAX_PENDING_IN_BATCHES})`
      const rows = await retried(() => (wait ? waiting : posting).run(call))
      // splice() empties the driver's result, which stays in memory for a while.
      return outcomesOf(rows.splice(0), operations)
    },

    async getUsers(ids) {
      const rows = await reads.run((sql) =>
        sql<UserRow[]>`select * from ledger.get_users(user_ids => ${arrayLiteral(ids)}::bigint[])`
      )
      return new Map(rows.map((row) => [Number(row.id), versioned(row)]))
    },

    async hasMigration(version) {
      const [row] = await reads.run((sql) =>
        sql<{ applied: boolean }[]>`
          select ledger.has_migration(version => ${version}::text) as applied`
      )
      return row!.applied
    },

    readServiceRole: () => readServiceRole(reads),
    readLockHolders: () => readLockHolders(reads),
    async countPending() {
      const [row] = await longReads.run((sql) =>
        sql<{ entries: string; oldest_seconds: number }[]>`
          select entries, oldest_seconds from ledger.count_pending()`
      )
      return { entries: Number(row!.entries), oldestSeconds: row!.oldest_seconds }
    },

    connections: () => ({
      post: posting.connections(),
      wait: waiting.connections(),
      read: reads.connections(),
      read_long: longReads.connections(),
    }),

    async end() {
      await Promise.all([posting.end(), waiting.end(), reads.end(), longReads.end()])
    },
  }
}

const SQL_NAMES: Record<OperationKind, string | null> = {
  debit: 'DEBIT',
  credit: 'CREDIT',
  transfer: 'TRANSFER',
  hold: 'HOLD',
  capture: 'CAPTURE',
  release: 'RELEASE',
  reverse: 'REVERSE',
  recalculate: null,
}

/**
 * One column of the operations as an array literal; null if no operation has a value in it, which
 * costs nothing.
 */
function columnOf(
  operations: Operation[],
  value: (operation: Operation) => string | number | null | undefined,
): string | null {
  const values = operations.map(value)
  return values.some((one) => one !== undefined) ? arrayLiteral(values) : null
}
