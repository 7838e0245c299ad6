/** The same app on naive.sql: one transaction for each request, no batches. */
import postgres from 'postgres'
import { createApp, type Dependencies } from '../../src/app.ts'
import { isoTimestamp } from '../../src/database.ts'
import { listen } from '../../src/http_server.ts'
import { createMetrics } from '../../src/metrics.ts'

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

const post: Dependencies['post'] = async ({ userId, amount }) => {
  const [row] = await sql<{ id: string; balance: string; ts: string }[]>`
    select * from naive_debit(${userId}::bigint, ${amount}::numeric)`
  const { balance } = row!
  const seq = Number(row!.id)
  const ts = isoTimestamp(row!.ts)
  return {
    snapshot: { id: userId, balance, available: balance, seq, updated_at: ts },
    entry: { seq, action: 'DEBIT', amount: amount!, balance, ts, hash: '' },
    replayed: false,
  }
}

const app = createApp(
  {
    post,
    metrics: createMetrics(),
    notReady: () => Promise.resolve(undefined),
    onFailure: console.error,
  } as Partial<Dependencies> as Dependencies,
)
const { url } = await listen((request) => app.fetch(request), { host: '127.0.0.1', port: 0 })
console.log(`The naive app listens on ${url}`)
