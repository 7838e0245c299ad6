/** verify: proving every row against adding up the amounts, and what bounds the first. */
import type postgres from 'postgres'
import type { Bench } from '../bench.ts'
import type { LedgerDatabase } from '../ledger_database.ts'
import { lengthen } from '../long_history.ts'
import { cpuOfFamily } from '../machine.ts'
import { pair, type Side, slowly } from '../pairs.ts'
import { SINGLES } from '../postgres.ts'
import { PROJECT, run } from '../../support/run_typescript.ts'
import type { Row } from './row.ts'

const USERS = 20

/** Rows a second of something that reads them all. */
function rowsOf(bench: Bench, rows: number, name: string, read: () => Promise<unknown>): Side {
  return {
    name,
    async run() {
      const before = cpuOfFamily(bench.postgres.pid)
      const since = performance.now()
      await read()
      const seconds = (performance.now() - since) / 1000
      const postgres = cpuOfFamily(bench.postgres.pid) - before
      return {
        value: rows / seconds,
        requests: rows,
        cpu_ms: { service: NaN, postgres, load: NaN },
      }
    },
  }
}

/** `npm run verify`, its start included. */
async function verify(bench: Bench, { url }: LedgerDatabase): Promise<void> {
  const command = [process.execPath, '--import', 'tsx', `${PROJECT}/db/verify.ts`]
  const verifier = run(command, { DATABASE_URL: url })
  const status = await verifier.ended
  if (status !== 0) bench.failures.push(`npm run verify: ${status} ${verifier.output()}`)
}

/** Everything that verification has to read, as text, which nobody has to receive. */
const copyColumns = (sql: postgres.Sql) =>
  sql.unsafe(`
    copy (select user_id, seq, action, amount, ts, balance, sealed_at, idempotency_key, metadata,
                 held, hold, reverses, peer_user_id, peer_seq, hash from payment_history)
      to '/dev/null'`)

export const verification: Row = async (bench) => {
  const database = await bench.database('verify')
  const { sql } = database
  const entries = bench.quick ? 500 : 15_000
  const users = Array.from({ length: USERS }, (_, n) => SINGLES.first + n)
  await lengthen(database, users, entries)
  const [row] = await sql<{ rows: number }[]>`select count(*)::int as rows from payment_history`
  const { rows } = row!
  const read = (name: string, work: () => Promise<unknown>) => rowsOf(bench, rows, name, work)
  const sum = read(
    'rows/s of select sum(amount) … group by user_id',
    () => sql`select sum(amount) from payment_history group by user_id`,
  )
  const hash = read(
    'rows/s of sha256 of one column',
    () => sql`select count(sha256(hash)) from payment_history`,
  )
  const slow = slowly(bench)
  return {
    pairs: [
      await pair(
        slow,
        'verify',
        read('rows/s of npm run verify', () => verify(bench, database)),
        sum,
        {
          least: 0.5,
        },
      ),
      await pair(slow, 'verify, sha256', hash, sum),
      await pair(slow, 'verify, copy', read('rows/s of COPY', () => copyColumns(sql)), sum),
    ],
    facts: [`${rows.toLocaleString('en-US')} rows`],
  }
}
