/**
 * naive: debits against the same app doing one transaction a request, which adds up the history;
 * and against one that does all of it in one call of a function.
 */
import { connect } from '../ledger_database.ts'
import { lengthen } from '../long_history.ts'
import { httpLoop } from '../loops.ts'
import { createNaive, lengthenNaive } from '../naive_database.ts'
import { median, pair } from '../pairs.ts'
import { SINGLES } from '../postgres.ts'
import type { Row } from './row.ts'

const USER = SINGLES.first
/** They wait for one row lock one after the other, so more of them only wait longer. */
const NAIVE_CONNECTIONS = 16

/** How long the database takes to add up one history, with nothing else to do. */
async function sumOf(url: string): Promise<string> {
  const sql = connect(url)
  const times: number[] = []
  for (let n = 0; n < 5; n++) {
    const [row] = await sql<{ 'QUERY PLAN': [{ 'Execution Time': number }] }[]>`
      explain (analyze, timing off, format json)
      select sum(case h.action when 'CREDIT' then h.amount else -h.amount end)
        from payment_history h where h.user_id = ${USER}`
    times.push(row!['QUERY PLAN'][0]['Execution Time'])
  }
  await sql.end()
  return `adding up the long history alone takes ${median(times).toFixed(1)} ms (EXPLAIN ANALYZE)`
}

export const naive: Row = async (bench) => {
  const entries = bench.quick ? 5_000 : 100_000
  const database = await bench.database('shared')
  await lengthen(database, [USER], entries)
  const program = await bench.service(database)
  const url = await createNaive(bench, 'naive')
  await lengthenNaive(url, USER, entries)
  const sum = await sumOf(url)
  const slow = await bench.program('naive_app.ts', { DATABASE_URL: url })
  const call = await bench.program('naive_app.ts', { DATABASE_URL: url, ONE_CALL: '1' })
  const users = { first: USER, count: 1 }
  const one = `on one user with ${entries.toLocaleString('en-US')} rows`
  return {
    pairs: [
      await pair(
        bench,
        'naive, spread',
        httpLoop(bench, { name: 'debits/s', program, database }),
        httpLoop(bench, { name: 'debits/s of our app, naively', program: slow }),
        { least: 3 },
      ),
      await pair(
        bench,
        'naive, one call',
        httpLoop(bench, { name: 'debits/s', program, database }),
        httpLoop(bench, { name: 'debits/s of our app, naively in one call', program: call }),
      ),
      await pair(
        bench,
        'naive, long',
        httpLoop(bench, { name: `debits/s ${one}`, program, database, users }),
        httpLoop(bench, {
          name: 'debits/s of our app, naively',
          program: slow,
          users,
          connections: NAIVE_CONNECTIONS,
        }),
        { least: 300 },
      ),
    ],
    facts: [sum],
  }
}
