/** Calls ledger.post, which does every write but those of users and controls. */
import type postgres from 'postgres'
import type { Database } from '../database/database.ts'
import { retried } from '../database/retried.ts'
import type { Operation, OperationKind, Outcome, PostOptions } from './operations.ts'
import { type OutcomeRow, outcomesOf } from './outcome_rows.ts'
import { arrayLiteral } from './rows.ts'

/**
 * Pending entries of each user that one call posts; the next calls post the rest. In a batch, where
 * others wait, 128 users with so many pending entries take some tenths of a second.
 */
const MAX_PENDING = 1000
const MAX_PENDING_IN_BATCHES = 100

export interface LedgerPost {
  /**
   * One outcome for each operation, in order.
   * @param parts on a worker of Citus: the shards of the operations, one after the other
   */
  post(operations: Operation[], options: PostOptions, parts?: ShardPart[]): Promise<Outcome[]>
}

/** So many operations of one shard. */
export interface ShardPart {
  id: string
  count: number
}

/**
 * Calls that wait for locked users have connections of their own, so that no batch waits for a
 * connection behind them.
 */
export function createLedgerPost(
  batches: Pick<Database, 'run'>,
  waiting: Pick<Database, 'run'>,
): LedgerPost {
  return {
    async post(operations, options, parts) {
      const { run } = options.wait ? waiting : batches
      const rows = await retried(() => run((sql) => callPost(sql, operations, options, parts)))
      // splice() empties the driver's result, which stays in memory for a while.
      return outcomesOf(rows.splice(0), operations)
    },
  }
}

function callPost(
  sql: postgres.Sql,
  operations: Operation[],
  { wait, lockWaitMs }: PostOptions,
  parts?: ShardPart[],
) {
  const column = (value: (operation: Operation) => string | number | null | undefined) =>
    columnOf(operations, value)
  // set_config() sets the limit for this statement's transaction; that it isn't null means to wait.
  const waits = lockWaitMs === undefined
    ? sql`${wait}`
    : sql`set_config('lock_timeout', ${String(lockWaitMs)}, true) is not null`
  const call = parts
    ? sql`ledger.post_in_shards(
      shard_ids => ${arrayLiteral(parts.map(({ id }) => id))}::bigint[],
      counts => ${arrayLiteral(parts.map(({ count }) => count))}::integer[], `
    : sql`ledger.post(`
  return sql<OutcomeRow[]>`select * from ${call}
    operations => ${column(sqlNameOf)}::text[],
    user_ids => ${column(({ userId }) => userId)}::bigint[],
    amounts => ${arrayLiteral(operations.map(({ amount }) => amount))}::numeric[],
    peer_user_ids => ${column(({ peerId }) => peerId)}::bigint[],
    refs => ${column(({ ref }) => ref)}::bigint[],
    expires_ins => ${column(({ expiresInSeconds }) => expiresInSeconds)}::numeric[],
    idempotency_keys => ${column(({ key }) => key)}::text[],
    metadatas => ${column(({ metadata }) => metadata)}::jsonb[],
    wait => ${waits}, max_pending => ${wait ? MAX_PENDING : MAX_PENDING_IN_BATCHES})`
}

const SQL_NAMES: Record<OperationKind, string | null> = {
  debit: 'DEBIT',
  credit: 'CREDIT',
  transfer: 'TRANSFER',
  hold: 'HOLD',
  capture: 'CAPTURE',
  extend: 'EXTEND',
  release: 'RELEASE',
  reverse: 'REVERSE',
  recalculate: null,
}

const sqlNameOf = ({ kind, isFinal = true }: Operation): string | null =>
  kind === 'capture' && !isFinal ? 'CAPTURE PART' : SQL_NAMES[kind]

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
