/** wal: what a debit writes to the log of PostgreSQL, over HTTP against directly. */
import type { Bench } from '../bench.ts'
import type { LedgerDatabase } from '../ledger_database.ts'
import { httpLoop, sqlLoop } from '../loops.ts'
import { pair, type Side, slowly } from '../pairs.ts'
import { MANY, SINGLES } from '../postgres.ts'
import { short } from '../table.ts'
import type { Row } from './row.ts'

const DIRECT_CONNECTIONS = 8

/** The same loop, with the bytes of a debit for its value. */
function bytesOf({ sql }: LedgerDatabase, loop: Side, name: string): Side {
  return {
    name,
    async run(seconds) {
      const [before] = await sql<{ at: string }[]>`select pg_current_wal_insert_lsn() as at`
      const phase = await loop.run(seconds)
      const [row] = await sql<{ bytes: string }[]>`
        select pg_current_wal_insert_lsn() - ${before!.at}::pg_lsn as bytes`
      return { ...phase, value: Number(row!.bytes) / phase.requests }
    },
  }
}

/**
 * What records it is made of, for each debit, and what first touches of pages after a checkpoint
 * add.
 */
async function recordsOf(bench: Bench, { sql }: LedgerDatabase, loop: Side): Promise<string> {
  await sql`checkpoint`
  const [first] = await sql<{ at: string }[]>`select pg_current_wal_insert_lsn() as at`
  const early = (await loop.run(bench.seconds)).requests
  const [before] = await sql<{ at: string }[]>`select pg_current_wal_insert_lsn() as at`
  const { requests } = await loop.run(bench.seconds)
  const records = await sql<{ name: string; count: number }[]>`
    select coalesce(c.relname || ' ', '') || lower(b.resource_manager || ' ' || b.record_type) as name,
           count(*)::float8 as count
      from pg_get_wal_block_info(${before!.at}::pg_lsn, pg_current_wal_flush_lsn()) b
      left join pg_class c on c.relfilenode = b.relfilenode
     group by 1 order by 2 desc`
  const [whole] = await sql<{ bytes: string }[]>`
    select sum(coalesce(b.block_fpi_length, 0)) as bytes
      from pg_get_wal_block_info(${first!.at}::pg_lsn, ${before!.at}::pg_lsn) b`
  const often = records.filter(({ count }) => count / requests >= 0.05)
  return `${often.map(({ name, count }) => `${short(count / requests)} ${name}`).join(', ')}; ` +
    `in the first second after a checkpoint ${Math.round(Number(whole!.bytes) / early)} bytes of ` +
    'whole pages, too'
}

export const wal: Row = async (bench) => {
  const database = await bench.database('shared')
  await database.sql`create extension if not exists pg_walinspect`
  const program = await bench.service(database)
  const one = { first: SINGLES.first, count: 1 }
  const over = (users: typeof one) => httpLoop(bench, { name: 'wal', program, database, users })
  const direct = sqlLoop(bench, { database, connections: DIRECT_CONNECTIONS })
  const a = bytesOf(database, over(MANY), 'bytes of WAL for each debit over HTTP')
  const b = bytesOf(database, direct, 'for each of our debit_user')
  return {
    pairs: [await pair(slowly(bench), 'wal', a, b)],
    facts: [
      `a debit over HTTP, 10,000 users: ${await recordsOf(bench, database, over(MANY))}`,
      `a debit over HTTP, one user: ${await recordsOf(bench, database, over(one))}`,
      `a call of debit_user: ${await recordsOf(bench, database, direct)}`,
    ],
  }
}
