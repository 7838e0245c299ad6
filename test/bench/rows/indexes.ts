/**
 * indexes: what each index that a look-up has, or could have, takes a debit: WAL, and CPU of
 * PostgreSQL.
 */
import type { Bench } from '../bench.ts'
import type { LedgerDatabase } from '../ledger_database.ts'
import { sqlLoop } from '../loops.ts'
import { median, type Pair, pair, type Side } from '../pairs.ts'
import type { CallKind } from '../sql_calls.ts'
import type { Row } from './row.ts'

interface Compared {
  name: string
  call: CallKind
  /** Makes the difference, in one of two databases that are the same otherwise. */
  change: string
  /** Whether it takes the index away. */
  drops?: boolean
}

const COMPARED: Compared[] = [
  // Without it a debit with a key has no way to be done once, so only its condition is measured.
  {
    name: 'entries by key, a debit without one',
    call: 'debit',
    change: 'drop index payment_history_user_id_idempotency_key_key',
    drops: true,
  },
  {
    name: 'entries by what they reverse',
    call: 'debit',
    change: 'drop index payment_history_reverses_idx',
    drops: true,
  },
  {
    name: 'pending entries',
    call: 'debit',
    change: 'drop index payment_history_pending_idx',
    drops: true,
  },
  {
    name: 'events of holds, a hold',
    call: 'hold',
    change: 'drop index hold_changes_position_idx',
    drops: true,
  },
  {
    name: 'not there: entries by time',
    call: 'debit',
    change: 'create index on payment_history (user_id, sealed_at)',
  },
  {
    name: 'not there: entries by action',
    call: 'debit',
    change: 'create index on payment_history (user_id, action, seq)',
  },
  {
    name: 'not there: entries by metadata, a debit with some',
    call: 'keyed debit',
    change: 'create index on payment_history using gin (metadata jsonb_path_ops)',
  },
]

/** Calls on one connection, with the CPU time of PostgreSQL for each as its value. */
function callsOf(bench: Bench, { name, sql, url }: LedgerDatabase, call: CallKind) {
  const loop = sqlLoop(bench, { url, call, connections: 1 })
  const bytes: number[] = []
  const side: Side = {
    name,
    async run(seconds) {
      const [before] = await sql<{ at: string }[]>`select pg_current_wal_insert_lsn() as at`
      const phase = await loop.run(seconds)
      const [row] = await sql<{ bytes: string }[]>`
        select pg_current_wal_insert_lsn() - ${before!.at}::pg_lsn as bytes`
      bytes.push(Number(row!.bytes) / phase.requests)
      return { ...phase, value: phase.cpu_ms.postgres / phase.requests }
    },
  }
  return { side, bytes }
}

async function compare(bench: Bench, n: number, { name, call, change, drops }: Compared) {
  const [changed, plain] = await Promise.all(
    ['changed', 'plain'].map((one) => bench.postgres.createLedger(`indexes_${n}_${one}`)),
  ) as [LedgerDatabase, LedgerDatabase]
  await changed.sql.unsafe(change)
  // In both, so that the same pages are in the cache and were written after the checkpoint.
  for (const { sql } of [changed, plain]) await sql`vacuum (analyze) payment_history`
  const [added, left] = drops ? [plain, changed] : [changed, plain]
  const [a, b] = [callsOf(bench, added, call), callsOf(bench, left, call)]
  const measured: Pair = await pair(
    bench,
    `indexes, ${name}`,
    { ...a.side, name: 'CPU ms of PostgreSQL with it' },
    { ...b.side, name: 'without it' },
  )
  const [withIt, without] = [median(a.bytes), median(b.bytes)].map(Math.round)
  await Promise.all([changed, plain].map(({ sql }) => sql.end()))
  return { measured, fact: `${name}: ${withIt} bytes of WAL with it, ${without} without` }
}

export const indexes: Row = async (bench) => {
  const pairs: Pair[] = []
  const facts: string[] = []
  for (const [n, compared] of (bench.quick ? COMPARED.slice(-1) : COMPARED).entries()) {
    const { measured, fact } = await compare(bench, n, compared)
    pairs.push(measured)
    facts.push(fact)
  }
  return { pairs, facts }
}
