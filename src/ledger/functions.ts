/** The functions of the database, each called by name from one function of the same name. */
import { isNotHandedOn } from '../core/errors.ts'
import { createDatabase } from '../database/database.ts'
import type { Ssl } from '../config/database_tls.ts'
import { createLedgerReads, type LedgerReads } from './read_functions.ts'
import { createLedgerControls, type LedgerControls } from './control_functions.ts'
import { type LockHolder, readLockHolders } from './lock_holders.ts'
import { readServiceRole, type ServiceRole } from './service_role.ts'
import { createLedgerEvents, type LedgerEvents } from './event_functions.ts'
import { createLedgerSearch, type LedgerSearch } from './search_functions.ts'
import { createLedgerWebhooks, type LedgerWebhooks } from './webhook_functions.ts'
import { createLedgerUsers, type LedgerUsers } from './user_functions.ts'
import { arrayLiteral, type UserRow, versioned } from './rows.ts'
import { createLedgerPost, type LedgerPost } from './post_function.ts'
import { getShards, getShardUsers, type ShardLedger } from './shard_functions.ts'
import type { Shard } from './shard_map.ts'
import type { Versioned } from '../cache/snapshots.ts'

export interface Ledger
  extends
    LedgerPost,
    ShardLedger,
    LedgerReads,
    LedgerUsers,
    LedgerControls,
    LedgerSearch,
    LedgerEvents,
    LedgerWebhooks {
  /** Those of the users that exist. */
  getUsers(ids: number[]): Promise<Map<number, Versioned>>
  /** In the order of minHash; none if all users are on one server. */
  getShards(): Promise<Shard[]>
  hasMigration(version: string): Promise<boolean>
  readServiceRole(): Promise<ServiceRole>
  readLockHolders: () => Promise<LockHolder[]>
  /** Manual entries that are pending, counted up to 10000, and the age of the oldest by its ts. */
  countPending: () => Promise<{ entries: number; oldestSeconds: number }>
  /** Connections with a call in flight, by pool. */
  connections: () => Record<string, { used: number; max: number }>
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

/**
 * Creates the ledger on connections of its own for each kind of work.
 * @example
 * const ledger = createLedger({ url, batches: 2, waiting: 8, reading: 4 })
 * const debit = { kind: 'debit', userId: 7, amount: '1.00', key: 'order-17' } as const
 * const [outcome] = await ledger.post([debit], { wait: true })
 */
export function createLedger(options: LedgerOptions): Ledger {
  const { url, ssl, queryDeadlineMs } = options
  // In some sessions the coordinator of a distributed ledger stops handing calls on.
  const open = (max: number) =>
    createDatabase({ url, ssl, queryDeadlineMs, max, isOfSession: isNotHandedOn })
  const batches = open(options.batches)
  const waiting = open(options.waiting)
  const reads = open(options.reading)
  const longReads = options.readingLong === undefined ? reads : open(options.readingLong)

  return {
    ...createLedgerPost(batches, waiting),
    ...createLedgerReads(reads, longReads),
    ...createLedgerUsers(reads, longReads),
    ...createLedgerControls(reads, waiting, longReads),
    ...createLedgerSearch(reads, longReads),
    ...createLedgerEvents(longReads),
    ...createLedgerWebhooks(reads),

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
    getShards: () => getShards(reads),
    getShardUsers: (ids) => getShardUsers(reads, ids),
    readLockHolders: () => readLockHolders(reads),
    async countPending() {
      const [row] = await longReads.run((sql) =>
        sql<{ entries: string; oldest_seconds: number }[]>`
          select entries, oldest_seconds from ledger.count_pending()`
      )
      return { entries: Number(row!.entries), oldestSeconds: row!.oldest_seconds }
    },

    connections: () => ({
      post: batches.connections(),
      wait: waiting.connections(),
      read: reads.connections(),
      read_long: longReads.connections(),
    }),

    async end() {
      await Promise.all([batches.end(), waiting.end(), reads.end(), longReads.end()])
    },
  }
}
