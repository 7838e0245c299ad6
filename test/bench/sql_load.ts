/** Debits without the service: connections that call debit_user, one call a transaction. */
import postgres from 'postgres'
import { randomOf } from '../storm.ts'
import type { Measured, SqlJob } from './load.ts'
import { createTally } from './tally.ts'

export async function runSqlLoad(job: SqlJob): Promise<Measured> {
  const { url, users, connections, seconds } = job
  const random = randomOf(connections)
  const tally = createTally()
  const options = { max: 1, fetch_types: false, onnotice: () => {} }
  const clients = Array.from({ length: connections }, () => postgres(url, options))
  // The statement is prepared by then, and the server's plans are made.
  await Promise.all(clients.map((sql) => sql`select`))
  const start = performance.now()
  const end = start + seconds * 1000

  await Promise.all(clients.map(async (sql) => {
    for (let since = start; since < end;) {
      const user = users.first + Math.floor(random() * users.count)
      const [row] = await sql<{ seq: string }[]>`
        select seq from debit_user(${user}::bigint, 0.01)`
      const now = performance.now()
      tally.good(now - since, true)
      tally.status('ok')
      tally.acked(user, Number(row!.seq))
      since = now
    }
  }))
  await Promise.all(clients.map((sql) => sql.end()))
  return tally.result(seconds)
}
