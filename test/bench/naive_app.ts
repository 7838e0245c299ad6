/**
 * The same app on naive.sql: one transaction for each request, no batches. With ONE_CALL it is one
 * call of a function; otherwise its statements go one by one, as a repository class sends them.
 */
import postgres from 'postgres'
import { createApp, type Dependencies } from '../../src/app/app.ts'
import { isoTimestamp } from '../../src/database/database.ts'
import { Problem } from '../../src/core/errors.ts'
import { listen } from '../../src/server/http_server.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'

/** Enough to keep two processors and a disk busy. */
const CONNECTIONS = 16

const types = {
  date: { to: 1184, from: [1082, 1114, 1184], serialize: String, parse: String },
}
const options = {
  max: CONNECTIONS,
  fetch_types: false,
  types,
  connection: { TimeZone: 'UTC' },
} as unknown as postgres.Options<{}>

const sql = postgres(process.env['DATABASE_URL']!, options)

interface Row {
  id: string
  balance: string
  ts: string
}

const call = (userId: number, amount: string) =>
  sql<Row[]>`select * from naive_debit(${userId}::bigint, ${amount}::numeric)`

const transaction = (userId: number, amount: string) =>
  sql.begin(async (sql) => {
    const [user] = await sql`select id from users where id = ${userId} for no key update`
    if (!user) throw new Problem('unknown_user')
    const [entry] = await sql`
      insert into payment_history (user_id, action, amount) values (${userId}, 'DEBIT', ${amount})
      returning id, ts`
    const rows = await sql<Row[]>`
      update users set balance = balance_of(${userId}), updated_at = now() where id = ${userId}
      returning ${entry!['id']}::bigint as id, balance, ${entry!['ts']}::timestamptz as ts`
    if (rows[0]!.balance.startsWith('-')) throw new Problem('insufficient_funds')
    return rows
  })

const debit = process.env['ONE_CALL'] ? call : transaction

const write: Dependencies['write'] = async ({ userId, amount }) => {
  const [row] = await debit(userId, amount!)
  const { balance } = row!
  const seq = Number(row!.id)
  const ts = isoTimestamp(row!.ts)
  return {
    status: 'ok',
    replayed: false,
    users: [{
      userId,
      snapshot: { id: userId, balance, available: balance, seq, updated_at: ts },
      entry: { seq, action: 'DEBIT', amount: amount!, balance, ts, hash: '' },
    }],
  }
}

const app = createApp(
  {
    write,
    metrics: createMetrics(),
    notReady: () => Promise.resolve(undefined),
    onFailure: console.error,
  } as Partial<Dependencies> as Dependencies,
)
const { url } = await listen((request) => app.fetch(request), { host: '127.0.0.1', port: 0 })
console.log(`The naive app listens on ${url}`)
