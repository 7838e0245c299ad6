/** batches: what many debits or transfers in one call take PostgreSQL, against what they took. */
import type { Bench } from '../bench.ts'
import { connect, type LedgerDatabase } from '../ledger_database.ts'
import { type CallOptions, sqlLoop } from '../loops.ts'
import { type Pair, pair, type Side } from '../pairs.ts'
import { MANY } from '../postgres.ts'
import type { Row } from './row.ts'

const SIZES = [64, 128]
const FILLED_AT_ONCE = 1000

/** A database of post_entries.sql, with the users of the others. */
async function createOld(bench: Bench): Promise<string> {
  const url = await bench.postgres.createFrom('post_entries', 'post_entries.sql')
  const sql = connect(url)
  const last = MANY.first + MANY.count - 1
  await sql`insert into users (id) select generate_series(${MANY.first}::bigint, ${last})`
  await sql`
    select count(p.n)
      from generate_series(${MANY.first}::bigint, ${last}, ${FILLED_AT_ONCE}) b
      cross join lateral (
        select array_agg(id) as ids, count(*)::integer as size
          from generate_series(b, least(b + ${FILLED_AT_ONCE} - 1, ${last})) id) u
      cross join lateral post_entries(u.ids, array_fill('CREDIT'::text, array[u.size]),
        array_fill(1000000.00, array[u.size])) p`
  await sql`vacuum (analyze) users`
  await sql`vacuum (analyze) payment_history`
  await sql.end()
  return url
}

/** The same loop, with the CPU time of PostgreSQL for each item as its value. */
function cpuOf(bench: Bench, options: Omit<CallOptions, 'connections'>): Side {
  const loop = sqlLoop(bench, { ...options, connections: 1 })
  return {
    name: loop.name,
    async run(seconds) {
      const phase = await loop.run(seconds)
      return { ...phase, value: phase.cpu_ms.postgres / phase.requests }
    },
  }
}

export const batches: Row = async (bench) => {
  const database: LedgerDatabase = await bench.database('batches')
  const old = await createOld(bench)
  const pairs: Pair[] = []
  for (const items of bench.quick ? SIZES.slice(0, 1) : SIZES) {
    const debits = cpuOf(bench, {
      name: `CPU ms of PostgreSQL for a debit in calls of ${items}`,
      database,
      call: 'batch of debits',
      items,
    })
    const before = cpuOf(bench, {
      name: 'for one in calls of our former post_entries',
      url: old,
      call: 'post_entries',
      items,
    })
    const transfers = cpuOf(bench, {
      name: `CPU ms of PostgreSQL for a transfer in calls of ${items}`,
      database,
      call: 'batch of transfers',
      items,
    })
    pairs.push(
      await pair(bench, `batches, debits, ${items}`, debits, before, { most: 0.65 }),
      await pair(bench, `batches, transfers, ${items}`, transfers, {
        ...debits,
        name: 'for a debit of ours',
      }, { most: 1.8 }),
    )
  }
  return { pairs }
}
